"""`docs/configuration.md` lists every setting, and nothing that is none."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from flowkeys import config
from flowkeys.config import CLIENT_VARIABLES, PREFIX, Settings
from tests.architecture.tree import ROOT

TEXT = (ROOT / "docs" / "configuration.md").read_text("utf-8")
ROW = re.compile(r"^\| `(FLOWKEYS_[A-Z_]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
ROWS = {name: default for name, default, _meaning in ROW.findall(TEXT)}
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_every_setting_is_in_the_table_once_and_nothing_else() -> None:
    """Who adds a setting writes down what it means."""
    assert sorted(name for name, *_ in ROW.findall(TEXT)) == sorted(
        PREFIX + name.upper() for name in Settings.model_fields
    )


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_documented_default_is_the_default(name: str) -> None:
    """Who changes a default changes the table."""
    assert ROWS[PREFIX + name.upper()] == _shown(Settings.model_fields[name].default)


def test_every_variable_that_is_mentioned_exists() -> None:
    """A reader who copies a name from the page gets a setting, not silence."""
    known = {*ROWS, *CLIENT_VARIABLES}
    assert set(re.findall(r"FLOWKEYS_[A-Z_]*[A-Z]", TEXT)) == known


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_are_read(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is a config.toml that a server starts with."""
    path = tmp_path / "config.toml"
    path.write_text(example, "utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("FLOWKEYS_CONFIG", str(path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    settings = config.load()
    assert settings.model_fields_set
    for credential in settings.credentials.values():
        assert credential.key()


def _shown(default: Any) -> str:
    if default in (None, (), {}, PydanticUndefined):
        return "none"
    return f"`{json.dumps(default) if isinstance(default, bool) else default}`"
