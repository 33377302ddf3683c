"""The built wheel without extras, in an environment of its own, is enough for the library."""

import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.architecture.test_base_install import base_distributions
from tests.architecture.tree import ROOT
from tests.support.flows import make_key
from tests.support.server import Running

pytestmark = pytest.mark.of_sqlite(
    "`Verifier.local` reads the file; on PostgreSQL applications ask the server, as test_remote does"
)

PROGRAM = """
import asyncio, importlib.util, sys

data_dir, url, own, token = sys.argv[1:]
for absent in ("sqlalchemy", "fastapi", "starlette", "pydantic", "uvicorn", "structlog", "pytest"):
    assert importlib.util.find_spec(absent) is None, absent

from flowkeys.asgi import KeyMiddleware
from flowkeys.verify import FixedKey, Verifier, mint

listed = mint()
async def app(scope, receive, send):
    await send({"type": "seen", "key": scope["flowkeys"].name})

async def through(verifier, token):
    sent = []
    async def send(message):
        sent.append(message)
    headers = [(b"authorization", b"Bearer " + token.encode())]
    await KeyMiddleware(app, verifier)({"type": "http", "path": "/", "headers": headers}, None, send)
    return sent[0].get("key") or sent[0]["status"]

for make, known in (
    (lambda: Verifier.fixed([FixedKey(token=listed, name="Caller")]), listed),
    (lambda: Verifier.local(data_dir), token),
    (lambda: Verifier.remote(url, own), token),
):
    with make() as verifier:
        assert verifier.verify(token=known).name == "Caller"
        assert verifier.verify(token=mint()).code == "unknown_key"
        assert asyncio.run(through(verifier, known)) == "Caller"
        assert asyncio.run(through(verifier, mint())) == 401
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel, and with what it needs without extras."""
    folder = tmp_path_factory.mktemp("base")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    quick = ["-qq", "--no-deps"]
    subprocess.run([*pip, "wheel", *quick, "--no-build-isolation", "-w", folder, ROOT], check=True)
    (wheel,) = folder.glob("flowkeys-*.whl")
    subprocess.run([*pip, "--python", python, "install", *quick, "--no-index", wheel], check=True)
    for name in base_distributions():  # as they are installed here, instead of from a registry
        found = distribution(name)
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            if ".." not in file.parts and "__pycache__" not in file.parts and source.is_file():
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, packages / file)
    return python


def test_every_source_and_the_middleware_work(python: Path, running: Running) -> None:
    """Two packages and what they need: neither a web framework nor an ORM is there."""
    api = running.owner()
    own, made = make_key(api, permissions=["apikeys:view"]), make_key(api, "Caller")
    arguments = [str(running.data_dir), running.url, own["apiKey"], made["apiKey"]]
    run = subprocess.run(
        [python, "-I", "-W", "error", "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=python.parent,
    )
    assert run.returncode == 0, run.stderr
