"""Which objects are LangChain's and LangGraph's, by the classes that are loaded already."""

import sys
from typing import Any


def is_a(found: Any, module: str, name: str) -> bool:
    """Tell whether an object is of a class, which it cannot be when the class's module is not loaded."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(found, kind)
