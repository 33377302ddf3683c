"""What commands work on: the data directory of this machine, or a server over HTTP."""
