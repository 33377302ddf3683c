"""A chatflow's graph as a drawing."""
