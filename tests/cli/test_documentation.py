"""`docs/cli.md` has every command, every option and every exit code, and nothing that is none."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flowkeys.cli.exit_codes import MEANINGS, ExitCode
from flowkeys.cli.main import Commands, Unloaded, app, main
from tests.cli.conftest import Cli

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### `(flowkeys [a-z -]+)`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
COMMON = {"--json", "--workspace", "--yes", "--help"}


def commands(command: Any, path: str = "flowkeys") -> Iterator[tuple[str, Any]]:
    """Yield every command with its name in full."""
    command = command.load() if isinstance(command, Unloaded) else command
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, one in below.items():
        yield from commands(one, f"{path} {name}")


COMMANDS = dict(commands(get_command(app)))


def test_what_is_said_of_a_command_before_it_is_loaded_is_what_it_says_itself() -> None:
    """The list of commands and the completion of their names load none of them."""
    before = Commands().commands
    loaded = {name: one.load() for name, one in before.items() if isinstance(one, Unloaded)}
    assert loaded.keys() == before.keys()
    for name, one in loaded.items():
        said = before[name]
        assert one.name == name
        assert (said.help, said.get_short_help_str(60)) == (
            cleandoc(one.help or "").partition("\n\n")[0],
            one.get_short_help_str(60),
        )
        assert (one.hidden, one.deprecated) == (False, False)


@pytest.mark.parametrize(
    ("words", "some"),
    [("flowkeys cu", ["customers"]), ("flowkeys keys cr", ["create"]), ("flowkeys serve --u", ["--uds"])],
)
def test_names_are_completed(
    words: str, some: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of commands, of those in a group, and of options: of what is loaded for that."""
    for name, value in {
        "_FLOWKEYS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == some


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    """Who adds a command documents it; who removes one removes its section."""
    assert SECTIONS.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_its_command_s_section(name: str) -> None:
    """An option that is not written down is found by nobody."""
    shown = [one for one in COMMANDS[name].params if not getattr(one, "hidden", False)]
    options = {option for parameter in shown for option in parameter.opts}
    long = {option for option in options if option.startswith("--")} - COMMON
    assert {option for option in long if f"{option}" not in SECTIONS[name]} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_is_documented_that_does_not_exist(name: str) -> None:
    """What a section shows can be typed."""
    parameters = COMMANDS[name].params
    known = {option for p in parameters for option in (*p.opts, *p.secondary_opts)} | COMMON
    assert set(re.findall(r"--[a-z][a-z-]*", SECTIONS[name])) <= known


@pytest.mark.parametrize("option", sorted(COMMON - {"--help"}))
def test_the_common_options_are_described_once(option: str) -> None:
    """They mean the same everywhere."""
    assert f"- `{option}" in TEXT


def test_the_exit_codes_are_those_of_the_program() -> None:
    """A script can rely on the table."""
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)}
    assert documented == set(ExitCode)
    assert MEANINGS.keys() == set(ExitCode)


def test_help_tells_the_exit_codes(run: Cli) -> None:
    """`flowkeys --help` is where people look first."""
    text = " ".join(run("--help").out.split())
    assert all(f"{int(code)} {meaning[:10]}" in text for code, meaning in MEANINGS.items())
