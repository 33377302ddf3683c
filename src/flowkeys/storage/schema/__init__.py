"""The tables, by noun; `tables` has all of them."""
