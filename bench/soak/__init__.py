"""Mixed load for half an hour, and what has to hold all the while (`make soak`)."""
