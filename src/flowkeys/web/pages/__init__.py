"""The pages: what people see."""
