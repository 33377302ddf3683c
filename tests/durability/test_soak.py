"""A short run of `make soak`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_calls_are_answered_rightly_while_keys_change_in_every_way() -> None:
    """Keys are made, changed and revoked here, by a second process and in SQL: no answer is wrong or late."""
    command = [sys.executable, "-m", "bench.soak", "--minutes", "0.3"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    for way in ("api", "service", "sql"):
        assert f"revoke by {way}" in run.stdout
