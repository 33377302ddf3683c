"""HTTP/1.1 as others are called over it: connections that are kept, and answers read as they come."""
