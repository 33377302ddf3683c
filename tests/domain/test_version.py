"""One version, in two places that cannot read each other."""

import tomllib
from pathlib import Path

import flowkeys
from flowkeys.domain.version import VERSION


def test_the_version_is_the_packages() -> None:
    """pyproject.toml, `flowkeys.__version__` and the server say the same."""
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["version"] == flowkeys.__version__ == VERSION
