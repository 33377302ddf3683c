"""What is around every page: headers, the sentence for the next one, the numbers of pages."""
