"""What importing the library brings with it."""

import subprocess
import sys

import pytest

HEAVY = ["sqlalchemy", "fastapi", "starlette", "pydantic", "httpx", "uvicorn", "structlog", "typer"]
PROGRAM = "import sys; {}; print([name for name in {} if name in sys.modules])"


@pytest.mark.parametrize(
    ("statement", "welcome"),
    [
        ("import flowkeys.verify", []),
        ("import flowkeys.asgi", []),
        ("import flowkeys.verify.local", []),
        ("import flowkeys.verify.remote", ["httpx"]),
    ],
)
def test_it_brings_nothing_that_is_not_needed(statement: str, welcome: list[str]) -> None:
    """No web framework and no ORM, and the HTTP client only for a server's keys: a service starts fast."""
    program = PROGRAM.format(statement, HEAVY)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(welcome)
