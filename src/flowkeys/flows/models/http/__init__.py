"""HTTP/1.1 as models are asked over it: connections that are kept, and answers read as they come."""
