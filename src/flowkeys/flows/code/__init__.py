"""Code of chatflows, which is JavaScript: run in processes of its own, with limits."""
