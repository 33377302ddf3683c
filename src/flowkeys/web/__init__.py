"""HTTP: handlers parse, call one service method and render."""
