"""What is in `deploy/`, read as those who run it read it."""

import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.tree import ROOT

DEPLOY = ROOT / "deploy"
DOCKER = DEPLOY / "docker"
KUBERNETES = DEPLOY / "kubernetes"


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each with what it says."""
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    lines = "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))
    whole = re.sub(r"\\\n\s*", "", lines).splitlines()
    return [(name, said.strip()) for name, _, said in (line.partition(" ") for line in whole)]


def said(instruction: str) -> str:
    """What the last instruction of a name says."""
    return [text for name, text in dockerfile() if name == instruction][-1]


def image_variables() -> dict[str, str]:
    """The environment of the image that is run."""
    return dict(part.split("=", 1) for part in shlex.split(said("ENV")))


def health_command() -> list[str]:
    """What Docker runs to learn whether a container is well."""
    command: list[str] = json.loads(said("HEALTHCHECK").partition(" CMD ")[2])
    return command


def compose() -> dict[str, Any]:
    """The compose file, as it is written."""
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    return loaded


def interpolated(text: str, values: dict[str, str]) -> str:
    """What compose makes of a text: https://docs.docker.com/reference/compose-file/interpolation/."""

    def value(found: re.Match[str]) -> str:
        name, how = found[1], found[2]
        if values.get(name):
            return values[name]
        assert how.startswith(":-"), f"{name} has to be set"
        return how.removeprefix(":-")

    return re.sub(r"\$\{([A-Z_]+)(:[-?][^}]*)\}", value, text)


def kubernetes() -> dict[str, dict[str, Any]]:
    """The manifests by their kinds; of each kind there is one."""
    found = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(KUBERNETES.glob("*.yaml"))]
    kinds = {item["kind"]: item for item in found}
    assert len(kinds) == len(found)
    return kinds


def unit() -> configparser.RawConfigParser:
    """The service of systemd; a name that is given several times is there with its last value."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] - names keep their capitals
    parser.read(DEPLOY / "systemd" / "flowkeys.service", "utf-8")
    return parser


def unit_variables() -> dict[str, str]:
    """The environment that the service of systemd is given."""
    text = (DEPLOY / "systemd" / "flowkeys.service").read_text("utf-8")
    return dict(re.findall(r"^Environment=(\w+)=(.*)$", text, re.MULTILINE))


def seconds(text: str) -> int:
    """A time of compose or systemd, in seconds."""
    return int(text.removesuffix("s"))


def files() -> list[Path]:
    """Every file that is deployed."""
    return [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.name != ".env"]
