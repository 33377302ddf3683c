"""The programs in examples/, each run as its reader would run it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS

_OF_FILES = pytest.mark.of_sqlite(
    "`Verifier.local` reads the file; on PostgreSQL applications ask the server"
)
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def api(running: Running) -> Api:
    """A client that may do everything."""
    return running.owner()


@pytest.fixture(scope="module")
def reader(api: Api) -> str:
    """A token with the permission that the examples ask for."""
    return make_key(api, "Reader", permissions=["logs:view"])["apiKey"]


@pytest.fixture(scope="module")
def other(api: Api) -> str:
    """A token without."""
    return make_key(api, "Other")["apiKey"]


@pytest.fixture
def here(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data directory, where the examples look for it."""
    monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(running.data_dir))


def load(name: str) -> ModuleType:
    """Return an example's module, made anew."""
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bearer(token: str) -> dict[str, str]:
    """Return the header with a token."""
    return {"Authorization": f"Bearer {token}"}


@_OF_FILES
@pytest.mark.usefixtures("here")
def test_the_fastapi_application(api: Api, reader: str, other: str) -> None:
    """Any key, a permission, a chatflow in the path."""
    chatflow = make_chatflow(api)
    caller = bound_key(api, chatflow)["apiKey"]
    module = load("fastapi_app")
    with module.verifier, TestClient(module.app) as client:

        def status(path: str, token: str) -> int:
            return client.get(path, headers=bearer(token)).status_code

        assert client.get("/me", headers=bearer(other)).json()["name"] == "Other"
        assert client.get("/me").headers["content-type"] == "application/problem+json"
        assert (status("/logs", reader), status("/logs", other)) == (200, 403)
        path = f"/chatflows/{chatflow['id']}/report"
        assert (status(path, caller), status(path, other)) == (200, 403)


@_OF_FILES
@pytest.mark.usefixtures("here")
async def test_the_asgi_application(reader: str, other: str) -> None:
    """A permission, and an open path."""
    module = load("asgi_app")
    transport = httpx.ASGITransport(module.app)
    with module.verifier:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", timeout=PATIENCE_SECONDS
        ) as client:
            assert (await client.get("/", headers=bearer(reader))).text == "Hello, Reader"
            assert (await client.get("/", headers=bearer(other))).status_code == 403
            assert (await client.get("/health")).text == "Hello, nobody in particular"


@_OF_FILES
@pytest.mark.usefixtures("here")
def test_the_script(reader: str, other: str) -> None:
    """Its words and its exit code say whether the key is good."""
    for token, status, said in ((reader, 0, "allowed: Reader"), (other, 1, "refused: permission_missing")):
        command = [sys.executable, EXAMPLES / "script.py", token]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == status
        assert run.stdout.startswith(said)


@pytest.fixture
def wsgi(running: Running, api: Api) -> Iterator[str]:
    """The address of the WSGI example in a process of its own, which asks the server over HTTP."""
    own = make_key(api, permissions=["apikeys:view"])["apiKey"]
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / "remote_wsgi.py", "0"],
        env={**os.environ, "FLOWKEYS_URL": running.url, "FLOWKEYS_API_KEY": own},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait()
    process.stdout.close()


def test_the_wsgi_application(wsgi: str, other: str) -> None:
    """A good key, none, and something that is no key."""
    good = httpx.get(wsgi, headers=bearer(other), trust_env=False, timeout=PATIENCE_SECONDS)
    assert (good.status_code, good.text) == (200, "Hello, Other\n")
    refused = httpx.get(wsgi, trust_env=False, timeout=PATIENCE_SECONDS)
    assert (refused.status_code, refused.json()["code"]) == (401, "missing_credentials")
    assert refused.headers["www-authenticate"] == 'Bearer realm="flowkeys"'
    assert (
        httpx.get(wsgi, headers={"Authorization": "x"}, trust_env=False, timeout=PATIENCE_SECONDS).status_code
        == 400
    )


def test_the_test_of_a_service() -> None:
    """The fixed list, as a test of somebody's own would use it."""
    load("service_test").test_only_keys_with_the_permission_may_read_logs()


def test_the_page_shows_what_the_examples_have() -> None:
    """Every excerpt in docs/library.md stands in a program that these tests run."""
    page = (EXAMPLES.parent / "docs" / "library.md").read_text("utf-8")
    programs = [_flush_left(path.read_text("utf-8")) for path in EXAMPLES.glob("*.py")]
    excerpts = [_flush_left(text) for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    assert len(excerpts) == len(programs)
    assert [text for text in excerpts if not any(text in program for program in programs)] == []


def _flush_left(text: str) -> str:
    """Return a text without what its lines begin with: an excerpt stands further left than in its program."""
    return "\n".join(line.strip() for line in text.splitlines())
