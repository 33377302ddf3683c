"""What else docs/forward-auth/README.md says one can ask for, and that its files are all used."""

import re
from collections.abc import Callable

import pytest

from tests.proxies.conftest import World
from tests.proxies.programs import CONFIGURATIONS, FILES, KINDS, PLACEHOLDER, Proxy
from tests.proxies.wire import Answer, call
from tests.support.flows import make_key

README = (CONFIGURATIONS / "README.md").read_text("utf-8")
ADDRESS = "/api/v1/auth/verify"
MARK = "tests/proxies/test_other_questions.py reads this table. -->\n"


def rows() -> dict[str, list[str]]:
    """Return the addresses in the README's table by the kind of proxy: as it stands, permission, any key."""
    table = README.partition(MARK)[2].partition("\n\n")[0].splitlines()[2:]
    found = {}
    for line in table:
        kind, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        spans = [re.fullmatch(r"`([^`]+)`", cell) for cell in cells]
        found[kind] = [ADDRESS + (span[1] if span else "") for span in spans]
    return found


def ask(proxy: Proxy, token: str, target: str = "/") -> Answer:
    """Call the application."""
    return call(proxy.port, target, f"Authorization: Bearer {token}")


def test_every_file_is_started_by_a_test() -> None:
    """A configuration that nobody runs is wrong one day."""
    there = {path.name for path in CONFIGURATIONS.iterdir()}
    assert there == {"README.md", *(name for files in FILES.values() for name in files)}
    assert {program for program, _ in KINDS.values()} == set(FILES)
    assert rows().keys() == KINDS.keys()


def test_every_placeholder_is_explained() -> None:
    """The operator replaces the same names that these tests do."""
    used = {name for files in FILES.values() for file in files for name in names(file)}
    assert used == names("README.md")


def names(file: str) -> set[str]:
    """Return the placeholders in a file."""
    return set(PLACEHOLDER.findall((CONFIGURATIONS / file).read_text("utf-8")))


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_permission_can_be_asked_for(kind: str, world: World, launch: Callable[..., Proxy]) -> None:
    """A key with the permission gets through; whatever the client adds, one without does not."""
    before, after, _ = rows()[kind]
    proxy = launch(kind, world.values(), {before: after})
    good = make_key(world.owner, permissions=["chatflows:view"])["apiKey"]
    assert ask(proxy, good, "/chatflow/x").status == 200
    for target in (
        "/",
        "/?permission=apikeys:view",
        f"/chatflow/{world.chatflow}",
        "/&permission=",
        "/?x&path=/",
    ):
        answer = ask(proxy, world.token, target)
        assert (answer.status, answer.code) == (403, "permission_missing"), target


@pytest.mark.parametrize("kind", list(KINDS))
def test_any_live_key_can_be_asked_for(kind: str, world: World, launch: Callable[..., Proxy]) -> None:
    """Authentication only: any key of any workspace, as the README warns, but no other."""
    before, _, after = rows()[kind]
    proxy = launch(kind, world.values(), {before: after})
    foreign = world.flowkeys.key("foreign", workspace="another")
    answer = ask(proxy, foreign["apiKey"], "/chatflow/x?mode=nginx")
    assert answer.status == 200
    assert ["x-auth-workspace-id", foreign["workspaceId"]] in answer.json["headers"]
    assert ask(proxy, "fl-" + "0" * 32).code == "unknown_key"
    assert call(proxy.port).code == "missing_credentials"
