"""How nodes ask models: their messages, what they remember, what forms of answers they ask for, and tools."""
