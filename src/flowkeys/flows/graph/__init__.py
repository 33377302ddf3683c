"""flowData: read into a graph, with the texts and variables in its nodes."""
