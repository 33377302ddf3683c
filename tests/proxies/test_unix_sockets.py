"""flowkeys behind each proxy by a Unix socket, as both READMEs say."""

import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.proxies.conftest import World
from tests.proxies.programs import CONFIGURATIONS, FILES, PLAIN, Proxy
from tests.proxies.wire import call, fresh_address
from tests.support.flows import bound_key, events, make_chatflow
from tests.support.server import Running

MARK = "tests/proxies/test_unix_sockets.py reads this table. -->\n"
PATH = "/run/flowkeys/flowkeys.sock"
NOWHERE = {"FLOWKEYS_HOST": "127.0.0.1", "FLOWKEYS_PORT": "1"}
BURST = 3


def changes(folder: Path, kind: str, uds: Path) -> dict[str, str]:
    """Return what a README's table replaces by what."""
    table = (folder / "README.md").read_text("utf-8").partition(MARK)[2].partition("\n\n")[0]
    found = {}
    for line in table.splitlines()[2:]:
        name, before, after = [cell.strip() for cell in line.strip("|").split("|")]
        if name == kind:
            assert PATH in after or "STATIC" in after
            found[re.fullmatch(r"`(.+)`", before)[1]] = re.fullmatch(r"`(.+)`", after)[1].replace(
                PATH, str(uds)
            )
    assert found, kind
    return found


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that believes the proxy on its socket, and no other."""
    folder = tmp_path_factory.mktemp("uds")
    limits = {"failures_per_second": 1, "failures_burst": BURST}
    running = Running(folder / "data", uds=folder / "s", trusted_proxies="unix", **limits).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def uds(behind: Running) -> Path:
    """The socket."""
    return behind.data_dir.parent / "s"


def check_clients(proxy: Proxy, target: str, **options: object) -> None:
    """Check that failures are counted by the address that the proxy names."""
    guesser, other = fresh_address(), fresh_address()
    guess = "Authorization: Bearer garbage"
    for number in range(50):
        lie = f"X-Forwarded-For: 192.0.2.{number}"
        answer = call(proxy.port, target, guess, lie, source=guesser, **options)  # type: ignore[arg-type]
        if answer.status != 401:
            break
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert call(proxy.port, target, guess, source=other, **options).status == 401  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(FILES))
def test_forward_auth_asks_by_the_socket(
    kind: str, behind: Running, uds: Path, world: World, launch: Callable[..., Proxy]
) -> None:
    """Given nothing that listens on the port, a good key gets through, and each client is counted alone."""
    with behind.owner() as api:
        chatflow = make_chatflow(api, "Guarded")
        token = bound_key(api, chatflow)["apiKey"]
    values = {**world.values(), **NOWHERE, "CHATFLOW_ID": chatflow["id"]}
    proxy = launch(kind, values, changes(CONFIGURATIONS, kind, uds))
    passed = call(proxy.port, "/", f"Authorization: Bearer {token}")
    assert passed.status == 200, passed
    assert call(proxy.port, "/").status == 401
    check_clients(proxy, "/")


@pytest.mark.parametrize("kind", list(FILES))
def test_flowkeys_is_reached_by_the_socket(
    kind: str, behind: Running, uds: Path, certificates: Path, launch: Callable[..., Proxy]
) -> None:
    """Given nothing that listens on the port, pages, streams and guesses go by the socket, over TLS."""
    tls = ssl.create_default_context(cafile=str(certificates / "certificate.pem"))
    files = {
        "CERTIFICATE": "certificate.pem",
        "CERTIFICATE_KEY": "key.pem",
        "CERTIFICATE_AND_KEY": "both.pem",
    }
    values = {**NOWHERE, **{name: str(certificates / file) for name, file in files.items()}}
    proxy = launch(kind, values, changes(PLAIN, kind, uds), PLAIN)
    with behind.owner() as api:
        chatflow = make_chatflow(api, "Guarded")
        token = bound_key(api, chatflow)["apiKey"]
    assert call(proxy.port, "/sign-in", tls=tls).status == 200
    streamed = call(
        proxy.port,
        f"/api/v1/prediction/{chatflow['id']}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        method="POST",
        body=b'{"question": "Hi", "streaming": true}',
        tls=tls,
    )
    assert events(streamed.body.decode())[-1]["event"] == "end"
    check_clients(proxy, "/api/v1/auth/verify", tls=tls)
