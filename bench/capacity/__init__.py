"""How large what is stored and kept in memory grows, from what a few thousand rows take."""
