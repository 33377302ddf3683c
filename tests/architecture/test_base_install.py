"""What `pip install flowkeys` gives without extras is enough for the SDK (docs/adr/0002-dependencies.md)."""

import subprocess
import sys
from importlib.metadata import distribution, packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import SOURCE

PROGRAM = """
import importlib, pkgutil, sys

package, *allowed = sys.argv[1:]

class OnlyTheBase:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in {"flowkeys", *allowed, *sys.stdlib_module_names}:
            raise ModuleNotFoundError(f"{name} is not part of the base install", name=name)

sys.meta_path.insert(0, OnlyTheBase)
root = importlib.import_module(package)
for module in pkgutil.walk_packages(root.__path__, package + "."):
    importlib.import_module(module.name)
"""


def base_distributions() -> set[str]:
    """Return the names of what flowkeys needs without extras, and of what that needs in turn."""
    found: set[str] = set()
    waiting = ["flowkeys"]
    while waiting:
        for line in distribution(waiting.pop()).requires or ():
            requirement = Requirement(line)
            name = canonicalize_name(requirement.name)
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if needed and name not in found:
                found.add(name)
                waiting.append(name)
    return found


def test_the_base_install_asks_for_two_packages() -> None:
    """Who only calls flowkeys from a program installs msgspec and httpx, and what they need."""
    direct = [Requirement(line) for line in distribution("flowkeys").requires or ()]
    assert {r.name for r in direct if r.marker is None} == {"msgspec", "httpx"}


@pytest.mark.parametrize(
    "layer", [name for name in ("domain", "service", "client") if (SOURCE / name).exists()]
)
def test_a_base_layer_imports_without_the_extras(layer: str) -> None:
    """Every module of the layer can be imported where nothing but the base install is there."""
    base = base_distributions()
    modules = [
        module
        for module, owners in packages_distributions().items()
        if base & {canonicalize_name(owner) for owner in owners}
    ]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"flowkeys.{layer}", *modules],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
