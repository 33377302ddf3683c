"""``flowkeys users``: who there is, and a link for a forgotten password."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flowkeys import bootstrap, config
from flowkeys.cli.people.links import base_url
from flowkeys.config import load
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.people.link import Purpose
from flowkeys.service.people.sign_ins import Started
from tests.cli.conftest import Cli
from tests.support.databases import settings

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"


@pytest.fixture
def ada(data_dir: Path) -> str:
    """An owner in the data directory; return their address."""

    async def work() -> None:
        runtime = await bootstrap.open_runtime(load(data_dir=data_dir, **settings(data_dir)))
        secret = await runtime.links.set_up_link()
        assert secret is not None
        await runtime.links.accept(Purpose.SET_UP, secret.reveal(), email=EMAIL, password=PASSWORD)
        await runtime.close()

    asyncio.run(work())
    return EMAIL


def use(data_dir: Path, url: str, password: str) -> Started:
    """Choose a new password by a link, as the page does."""

    async def work() -> Started:
        runtime = await bootstrap.open_runtime(load(data_dir=data_dir, **settings(data_dir)))
        _, purpose, secret = urlsplit(url).path.split("/")
        try:
            return await runtime.links.accept(Purpose(purpose), secret, password=password)
        finally:
            await runtime.close()

    return asyncio.run(work())


def test_a_new_installation_has_no_people(local: Cli) -> None:
    """Given nobody, the list is empty, not an error."""
    assert local("users", "list", "--json").json == []


def test_people_are_listed(local: Cli, ada: str) -> None:
    """Given an owner, the list says who, as what, and when they were last here; and nothing of a password."""
    (found,) = local("users", "list", "--json").json
    assert (found["email"], found["role"], found["permissions"]) == (ada, "owner", ["*"])
    assert found["lastSeenAt"] is not None
    assert not {name for name in found if "password" in name.lower()}
    assert ada in local("users", "list").out


def test_people_are_listed_by_workspace(local: Cli, ada: str) -> None:
    """Given another workspace, its list does not have the owner of this one."""
    local("workspaces", "create", "Shop")
    assert local("users", "list", "--workspace", "Shop", "--json").json == []


def test_reset_prints_a_link_that_sets_a_password(local: Cli, ada: str, data_dir: Path) -> None:
    """Given a forgotten password, the standard output is one link, and it works once."""
    result = local("users", "reset", "ADA@example.com")
    assert result.code == 0
    (line,) = result.out.splitlines()
    assert line.startswith("http://127.0.0.1:3000/reset/")
    assert "once" in result.err
    assert use(data_dir, line, "staple of another horse").person.email == ada


def test_reset_prints_json(local: Cli, ada: str) -> None:
    """Given --json, the link comes with whom it is for and when it expires; it begins with the public URL."""
    found = local("users", "reset", ada, "--json", FLOWKEYS_PUBLIC_URL="https://keys.example.com/").json
    assert found.keys() == {"email", "url", "expiresAt"}
    assert found["email"] == ada
    assert found["url"].startswith("https://keys.example.com/reset/")


def test_there_is_no_link_for_nobody(local: Cli, ada: str) -> None:
    """Given an address that nobody has, the exit code is 4; given none, 6."""
    assert local("users", "reset", "bob@example.com", "--json").failure["code"] == "not_found"
    assert local("users", "reset", "bob", "--json").failure["errors"][0]["field"] == "email"


def test_over_http_people_are_out_of_reach(remote: Cli) -> None:
    """Given FLOWKEYS_URL, the commands say where they work."""
    assert remote("users", "list").code == 3
    assert remote("users", "reset", EMAIL).code == 3


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ({}, "http://127.0.0.1:3000"),
        ({"host": "0.0.0.0", "port": 8080}, "http://127.0.0.1:8080"),  # noqa: S104  # printed, not listened on
        ({"host": "::"}, "http://[::1]:3000"),
        ({"host": "keys.local"}, "http://keys.local:3000"),
        ({"public_url": "https://Keys.Example.com:443/"}, "https://keys.example.com"),
        ({"public_url": "http://[2001:DB8::1]:8080"}, "http://[2001:db8::1]:8080"),
    ],
)
def test_links_begin_with_where_people_reach_the_server(given: dict, base: str, tmp_path: Path) -> None:
    """Given a public URL, it is that, as browsers write it; else the address that is served."""
    assert base_url(load(data_dir=tmp_path, **given)) == base


@pytest.mark.parametrize(
    "url",
    [
        *("keys.example.com", "ftp://keys.example.com", "https://", "https://keys.example.com/a b"),
        *("https://keys.example.com?x=1", "https://keys.example.com#x", "https://ada:pw@keys.example.com"),
        *("https://keys example.com", "https://keys.example.com:99999", 'https://"><script>'),
    ],
)
def test_what_is_no_public_url_stops_the_server(url: str, tmp_path: Path) -> None:
    """Given a query, a password or no scheme, the sentence says what to give, and no password."""
    with pytest.raises(ConfigurationError, match="public_url") as caught:
        config.load(data_dir=tmp_path, public_url=url)
    assert "ada:pw" not in str(caught.value)
