"""`docs/configuration.md` lists every setting as `config` says it, and nothing that is none."""

import re
from pathlib import Path

import pytest

from flowkeys import config
from flowkeys.config import CLIENT_VARIABLES, PREFIX, Settings
from scripts.write_configuration import whole
from tests.architecture.tree import ROOT

TEXT = (ROOT / "docs" / "configuration.md").read_text("utf-8")
NAMES = re.findall(r"^\| `(FLOWKEYS_[A-Z_]+)` \|", TEXT, re.MULTILINE)
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_table_is_what_the_settings_say() -> None:
    """Who adds a setting, or changes a default, says what it means where it is."""
    assert whole(TEXT) == TEXT, "run: .venv/bin/python scripts/write_configuration.py"
    assert sorted(NAMES) == sorted(PREFIX + name.upper() for name in Settings.model_fields)


def test_what_people_wrote_around_the_table_stays() -> None:
    """A row that is missing comes back, one that is none goes; all else is as it was, in the same order."""
    port, host = (
        re.search(rf"^\| `FLOWKEYS_{name}` .*\n", TEXT, re.MULTILINE)[0] for name in ("PORT", "HOST")
    )
    spoilt = TEXT.replace(port, "| `FLOWKEYS_PROT` | none | What is none. |\n").replace(host, "")
    mended = whole(spoilt)
    last = re.findall(r"^\| `FLOWKEYS_.*\n", TEXT, re.MULTILINE)[-1]
    assert mended == TEXT.replace(port, "").replace(host, "").replace(last, last + host + port)


def test_every_variable_that_is_mentioned_exists() -> None:
    """A reader who copies a name from the page gets a setting, not silence."""
    known = {*NAMES, *CLIENT_VARIABLES}
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
