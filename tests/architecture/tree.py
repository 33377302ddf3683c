"""The repository as these tests see it: its files, its modules and what each of them imports."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "flowkeys"


class Import(NamedTuple):
    """One import: the importing file, its line, and the full name of what is imported."""

    file: str
    line: int
    name: str

    @property
    def package(self) -> str:
        """The top-level package that is imported."""
        return self.name.partition(".")[0]

    @property
    def layer(self) -> str:
        """The layer that imports: `web`, `config`, or `` for the root package itself."""
        parts = Path(self.file).relative_to("src/flowkeys").parts
        return parts[0].removesuffix(".py").removesuffix("__init__")

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


GENERATED = {"build", "dist", "node_modules", "__pycache__"}


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file that git knows and that is there; without git, all that is not generated."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return tuple(path for path in ROOT.rglob("*") if path.is_file() and _is_ours(path))
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def _is_ours(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return not any(part in GENERATED or (part.startswith(".") and part != ".ci") for part in folders)


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below `folders`, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a path as people write it, relative to the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def imports() -> tuple[Import, ...]:
    """Return every import below src, those inside functions and type-checking blocks included."""
    return tuple(_imports())


def _imports() -> Iterator[Import]:
    for path in python_files("src"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(name_of(path), node.lineno, alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                for alias in node.names:
                    yield Import(name_of(path), node.lineno, f"{module}.{alias.name}")
