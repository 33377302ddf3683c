"""A real model, and a server that was given a key for it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.process import Served
from tests.models.tap import Tap
from tests.support.data_dir import make_owner

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-model" / "bin" / "python"
MODEL_KEY = "sk-the-model-servers-own-key"


@pytest.fixture(scope="session")
def model() -> Iterator[str]:
    """SmolLM2 behind an OpenAI-compatible endpoint that asks for a key; its address."""
    if not PYTHON.exists():
        pytest.skip("the model and its server are not installed: make models")
    command = [PYTHON, Path(__file__).with_name("model_server.py"), MODEL_KEY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        yield address
        process.kill()


@pytest.fixture
def tap(model: str) -> Iterator[Tap]:
    """The line to the model, on which a test can listen."""
    tap = Tap(model)
    yield tap
    tap.close()


@pytest.fixture
def served(tap: Tap, tmp_path: Path) -> Iterator[Served]:
    """A server whose configuration names two credentials for the model, one of them wrong."""
    data = tmp_path / "data"
    token = make_owner(data)
    config = data / "config.toml"
    config.write_text(
        f'[credentials.smollm]\nbase_url = "{tap.url}"\napi_key = "{MODEL_KEY}"\n'
        f'[credentials.wrong]\nbase_url = "{tap.url}"\napi_key = "sk-wrong"\n',
        "utf-8",
    )
    config.chmod(0o600)
    server = Served(tmp_path, token).start()
    yield server
    server.end()
