"""What tests share: real servers, and ways of calling them."""
