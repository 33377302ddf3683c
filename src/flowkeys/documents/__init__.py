"""Files into passages: parsers, the splitter, and the separate process with limits that they run in."""
