"""Python objects that answer: what they return read as text; LangChain's and LangGraph's among them."""
