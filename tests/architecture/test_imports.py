"""Who may import what (docs/adr/0001-layers.md, docs/adr/0002-dependencies.md)."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT, imports

# Each third-party package, and the only layers that may import it. A package that is not here is not ours.
PLACES = {
    "msgspec": None,  # everywhere
    "httpx": {"client", "flows", "outbound", "cli", "verify"},
    "fastapi": {"web", "fastapi", "asgi", "bootstrap"},
    "starlette": {"web", "fastapi", "asgi", "bootstrap"},
    "pydantic": {"web", "config"},
    "pydantic_settings": {"config"},
    "uvicorn": {"cli", "web", "bootstrap", "asgi"},
    "uvloop": {"cli"},
    "httptools": {"cli", "web", "outbound"},
    "sqlalchemy": {"storage"},
    "alembic": {"storage"},
    "psycopg": {"storage"},
    "structlog": {"web", "bootstrap", "telemetry"},
    "typer": {"cli"},
    "rich": {"cli"},
    "jinja2": {"web"},
    "markupsafe": {"web"},  # comes with jinja2: text that is markup already
    "argon2": {"passwords"},
    "cryptography": {"storage"},
    "prometheus_client": {"telemetry"},
    "opentelemetry": {"telemetry"},
    "libvalkey": {"limits"},
    "_quickjs": {"flows"},
    "pyjson5": {"flows"},
    "pypdf": {"documents"},
    "snowballstemmer": {"storage"},
    "stopwordsiso": {"storage"},
    "justhtml": {"documents", "flows"},
    "chardet": {"documents"},
    "docutils": {"documents"},
    "mammoth": {"documents"},
    "python_calamine": {"documents"},
    "markdown_it": {"documents", "web", "cli"},
    "nh3": {"web"},
    "aiohappyeyeballs": {"outbound"},
    "langchain_core": {"flows"},
    "langgraph": {"flows"},
}
STANDARD_LIBRARY_PLACES = {"sqlite3": {"storage"}}


def test_imports_point_down_only() -> None:
    """The layers in pyproject.toml hold, each folder is in one, and siblings do not know each other."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_domain_imports_the_standard_library_and_msgspec_only() -> None:
    """Values and rules depend on nothing that could do I/O behind their back."""
    welcome = sys.stdlib_module_names | {"msgspec", "flowkeys"}
    found = [str(i) for i in imports() if i.layer == "domain" and i.package not in welcome]
    assert found == []


def test_the_domain_imports_nothing_that_does_input_or_output_or_waits() -> None:
    """No file, socket, process, event loop or clock: time is an argument."""
    shunned = {"asyncio", "io", "os", "pathlib", "socket", "sqlite3", "subprocess", "threading", "time"}
    # Ids ask the operating system for randomness, as `secrets` does.
    welcome = {("src/flowkeys/domain/ids.py", "os")}
    found = [
        str(i)
        for i in imports()
        if i.layer == "domain" and i.package in shunned and (i.file, i.name) not in welcome
    ]
    assert found == []


def test_every_third_party_package_stays_in_its_place() -> None:
    """A technology is known to the folder that is named for it, and to the wiring."""
    found = []
    for one in imports():
        if one.package == "flowkeys":
            continue
        places = STANDARD_LIBRARY_PLACES.get(one.package)
        if one.package not in sys.stdlib_module_names:
            places = PLACES.get(one.package, set())
        if places is not None and one.layer not in places:
            found.append(str(one))
    assert found == []


def test_nothing_inside_imports_the_root_package() -> None:
    """`flowkeys/__init__.py` exports lazily; a module that read from it would make a circle.

    The version is no export: it is there before anything else is.
    """
    found = [str(i) for i in imports() if _reads_the_root(i.name) and i.name != "flowkeys.__version__"]
    assert found == []


def _reads_the_root(name: str) -> bool:
    package, _, rest = name.partition(".")
    return package == "flowkeys" and "." not in rest and not _is_module(name)


def _is_module(name: str) -> bool:
    path = ROOT / "src" / name.replace(".", "/")
    return "." in name and (path.is_dir() or path.with_suffix(".py").is_file())
