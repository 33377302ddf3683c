"""The linters and schemas of Docker, compose and Kubernetes know no fault of what is in `deploy/`.

They are heavy, and for nothing else: `make linters` installs them into an environment of their own.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.deploy import files

pytestmark = pytest.mark.slow

BIN = ROOT / ".venv-linters" / "bin"
WRONG = {
    "hadolint": ("Dockerfile", "FROM python:3.13-slim", "FROM python"),
    "check-jsonschema": ("compose.yaml", "read_only: true", "readonly: true"),
    "kubernetes-validate": ("deployment.yaml", "replicas: 3", "replica: 3"),
    "yamllint": ("service.yaml", "type: ClusterIP", "type:   ClusterIP"),
}
ARGUMENTS = {
    "hadolint": [],
    "check-jsonschema": ["--builtin-schema", "vendor.compose-spec"],
    "kubernetes-validate": ["--strict"],
    "yamllint": [
        "--strict",
        "-d",
        "{extends: default, rules: {line-length: {max: 160}, document-start: disable}}",
    ],
}


def _read(linter: str) -> list[Path]:
    kubernetes = sorted(files.KUBERNETES.glob("*.yaml"))
    if linter == "hadolint":
        return [files.DOCKER / "Dockerfile"]
    if linter == "check-jsonschema":
        return [files.DOCKER / "compose.yaml"]
    if linter == "kubernetes-validate":  # it has no schema of what kustomize reads
        return [path for path in kubernetes if path.name != "kustomization.yaml"]
    return [files.DOCKER / "compose.yaml", *kubernetes]


def _run(linter: str, paths: list[Path]) -> "subprocess.CompletedProcess[str]":
    assert (BIN / linter).exists(), "run: make linters"
    command = [BIN / linter, *ARGUMENTS[linter], *paths]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("linter", sorted(ARGUMENTS))
def test_a_linter_finds_nothing(linter: str) -> None:
    """Each file is one that the program it is for can read."""
    run = _run(linter, _read(linter))
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("linter", sorted(WRONG))
def test_a_linter_finds_what_is_wrong(linter: str, tmp_path: Path) -> None:
    """It would say so: a copy with one word changed is refused."""
    name, right, wrong = WRONG[linter]
    (path,) = [path for path in _read(linter) if path.name == name]
    copy = Path(shutil.copy(path, tmp_path))
    text = copy.read_text("utf-8")
    assert right in text
    copy.write_text(text.replace(right, wrong), "utf-8")
    assert _run(linter, [copy]).returncode != 0
