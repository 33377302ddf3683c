"""The pages in a real browser. A package, so that its browser ends with the folder and not with the run."""
