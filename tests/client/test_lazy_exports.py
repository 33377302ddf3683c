"""``import flowkeys``: quick, and whole."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import flowkeys

HEAVY = ("httpx", "msgspec", "asyncio", "typing")


def loaded_after(program: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after `program`."""
    code = f"import sys\n{program}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_flowkeys_imports_next_to_nothing() -> None:
    """No HTTP library, no JSON library, no other module of ours."""
    loaded = loaded_after("before = set(sys.modules)\nimport flowkeys\n[sys.modules.pop(m) for m in before]")
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in loaded if name.startswith("flowkeys")} == {"flowkeys"}


def test_the_http_library_is_imported_with_the_client() -> None:
    """Catching an error or reading the version does not need it."""
    touched = "import flowkeys\nflowkeys.__version__, flowkeys.RateLimited, flowkeys.Key, flowkeys.Token"
    assert "httpx" not in loaded_after(touched)
    assert "httpx" in loaded_after("import flowkeys\nflowkeys.Client")


@pytest.mark.parametrize("name", flowkeys.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """`__all__` promises nothing that is missing, and `dir` lists it."""
    assert getattr(flowkeys, name) is not None
    assert name in dir(flowkeys)


def test_type_checkers_see_the_same_names() -> None:
    """The imports for type checkers, the table for the interpreter and `__all__` are one list."""
    assert flowkeys.__file__ is not None
    tree = ast.parse(Path(flowkeys.__file__).read_text("utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "importlib"
        for alias in node.names
    }
    assert seen == flowkeys._HOME_OF
    assert sorted([*seen, "__version__"]) == sorted(flowkeys.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = flowkeys.Nonsense
