"""What variables and config.toml mean, as containers, compose files and editors really write them."""

from pathlib import Path
from typing import Any

import pytest

from flowkeys import config
from flowkeys.client.http.environment import expanded, variable
from flowkeys.config import Settings
from flowkeys.config.database import without_password
from flowkeys.domain.errors import ConfigurationError
from flowkeys.verify import Verifier

SECRET = "k" * 40


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory without a configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """Return the settings of an environment."""
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(f"FLOWKEYS_{name}", value)
        return config.load()


def wrong(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """Return what is said of an environment that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        load(monkeypatch, **variables)
    return str(caught.value)


@pytest.mark.parametrize("nothing", ["", " ", "\t", "\r", '""', "''", '" "', "\ufeff", "\u200b", '\ufeff""'])
def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch, nothing: str) -> None:
    """``${VAR:-}`` in a compose file: whichever setting, alone and all at once, it is its default."""
    default = load(monkeypatch)
    for name in Settings.model_fields:
        assert load(monkeypatch, **{name.upper(): nothing}) == default
    assert load(monkeypatch, **{name.upper(): nothing for name in Settings.model_fields}) == default


def test_an_empty_setting_in_the_file_is_not_set(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """What templates leave empty; the key of a credential too."""
    file = home / "config.toml"
    file.write_text("\n".join(f'{name} = ""' for name in Settings.model_fields), "utf-8")
    assert load(monkeypatch, CONFIG=str(file)) == load(monkeypatch)
    file.write_text('[credentials.a]\nbase_url = "https://example.com"\napi_key = " "\napi_key_env = "KEY"\n')
    monkeypatch.setenv("KEY", "sk-1")
    assert load(monkeypatch, CONFIG=str(file)).credentials["a"].key() == "sk-1"
    monkeypatch.setenv("KEY", " ")
    with pytest.raises(ConfigurationError, match="api_key_env"):
        load(monkeypatch, CONFIG=str(file)).credentials["a"].key()


MEANT: list[tuple[str, str, Any]] = [
    ("DATA_DIR", '"/srv/x"', Path("/srv/x")),
    ("DATA_DIR", "/srv/x\r", Path("/srv/x")),
    ("DATA_DIR", " '/srv/a b' ", Path("/srv/a b")),
    ("HOST", "'0.0.0.0'", "0.0.0.0"),  # noqa: S104
    ("HOST", "[::1]", "::1"),
    ("HOST", "[::]", "::"),
    ("HOST", "::1", "::1"),
    ("HOST", " localhost ", "localhost"),
    ("PORT", '"8080"', 8080),
    ("PORT", "8080\r", 8080),
    ("LOG_LEVEL", '"debug"', "debug"),
    ("ACCESS_LOG", "'false'", False),
    ("RUNTIME_VARIABLES", "A, B", ("A", "B")),
    ("TRUSTED_PROXIES", '"10.0.0.0/8, ,fd00::/8,"', ("10.0.0.0/8", "fd00::/8")),
    ("TRUSTED_PROXIES", '"10.0.0.0/8","fd00::/8"', ("10.0.0.0/8", "fd00::/8")),
    ("PYTHON_FLOWS", "'a:b', 'c:d'", ("a:b", "c:d")),
    ("HOST", "\ufeff127.0.0.1\r", "127.0.0.1"),
    ("VARIABLES", '\'{"company": "ACME"}\'', {"company": "ACME"}),
    ("PUBLIC_URL", '"https://Keys.example.com/"', ("https://keys.example.com",)),
]


def test_a_value_is_read_as_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes that docker --env-file keeps, Windows line ends, the brackets of an IPv6 address."""
    for name, text, meant in MEANT:
        assert getattr(load(monkeypatch, **{name: text}), name.lower()) == meant, (name, text)


WRONG: list[tuple[dict[str, str], tuple[str, ...]]] = [
    ({"VARIABLES": "hunter2"}, ("FLOWKEYS_VARIABLES", "JSON")),
    ({"VARIABLES": '{"a": "hunter2"'}, ("FLOWKEYS_VARIABLES", "JSON", "character")),
    ({"VARIABLES": '["hunter2"]'}, ("FLOWKEYS_VARIABLES",)),
    ({"CREDENTIALS": "hunter2"}, ("FLOWKEYS_CREDENTIALS", "JSON")),
    ({"CREDENTIALS": '{"a": {"api_key": "hunter2"}}'}, ("credentials: a.base_url",)),
    ({"PORT": "hunter2"}, ("FLOWKEYS_PORT", "integer")),
    ({"PORT": "tpc://hunter2"}, ("FLOWKEYS_PORT", "integer")),
    ({"LOG_LEVEL": "hunter2"}, ("FLOWKEYS_LOG_LEVEL", "'debug'")),
    ({"HTTP": "hunter2"}, ("FLOWKEYS_HTTP", "'asgi'")),
    ({"ACCESS_LOG": "hunter2"}, ("FLOWKEYS_ACCESS_LOG",)),
    ({"TRUSTED_PROXIES": "hunter2"}, ("FLOWKEYS_TRUSTED_PROXIES", "10.0.0.0/8")),
    ({"PUBLIC_URL": "hunter2"}, ("FLOWKEYS_PUBLIC_URL", "https://")),
    ({"DATA_DIR": '"/srv/hunter2'}, ("FLOWKEYS_DATA_DIR", "quote")),
    ({"DATA_DIR": "$HOME/flowkeys"}, ("variable", "whole path", "FLOWKEYS_DATA_DIR")),
    ({"DATA_DIR": "${DATA}/flowkeys"}, ("variable", "whole path")),
    ({"DATA_DIR": "%APPDATA%\\flowkeys"}, ("variable", "whole path")),
    ({"CONFIG": "{{ folder }}/config.toml"}, ("variable", "FLOWKEYS_CONFIG")),
    ({"HOST": "*"}, ("FLOWKEYS_HOST", "0.0.0.0", "::")),  # noqa: S104
    ({"HOST": "127.0.0.1:80"}, ("FLOWKEYS_HOST", "port")),
    ({"HOST": "[::1]:80"}, ("FLOWKEYS_HOST", "port")),
    ({"HOST": "http://hunter2"}, ("FLOWKEYS_HOST", "address")),
]


def test_what_is_wrong_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message has the variable and what it may be, and never the value: it may be a secret."""
    for variables, said in WRONG:
        text = wrong(monkeypatch, SECRET=SECRET, **variables)
        assert all(part in text for part in said), text
        assert "hunter2" not in text
        assert SECRET not in text


INJECTED = {
    "FLOWKEYS_PORT": "tcp://10.96.12.7:3000",
    "FLOWKEYS_PORT_3000_TCP": "tcp://10.96.12.7:3000",
    "FLOWKEYS_PORT_3000_TCP_ADDR": "10.96.12.7",
    "FLOWKEYS_PORT_3000_TCP_PORT": "3000",
    "FLOWKEYS_PORT_3000_TCP_PROTO": "tcp",
    "FLOWKEYS_SERVICE_HOST": "10.96.12.7",
    "FLOWKEYS_SERVICE_PORT": "3000",
    "FLOWKEYS_SERVICE_PORT_HTTP_API": "3000",
    "FLOWKEYS_HTTP_PORT": "tcp://[fd00::7]:80",
    "FLOWKEYS_HTTP_SERVICE_HOST": "fd00::7",
    "FLOWKEYS_METRICS_PORT": "udp://10.96.12.9:9090",
    "FLOWKEYS_METRICS_PORT_9090_UDP_ADDR": "10.96.12.9",
    "FLOWKEYS_HOST_SERVICE_HOST": "10.96.12.10",
    "FLOWKEYS_HOST_PORT": "tcp://10.96.12.10:443",
}
"""Of the Services flowkeys, flowkeys-http, flowkeys-metrics and flowkeys-host."""


def test_limits_that_are_shared_are_shared_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or each process would count alone, and all would say that they count together."""
    said = wrong(monkeypatch, LIMITS="shared")
    assert "set FLOWKEYS_VALKEY, or FLOWKEYS_LIMITS=per-process" in said
    assert load(monkeypatch, LIMITS="shared", VALKEY="valkey://127.0.0.1:6379").limits == "shared"


@pytest.mark.parametrize("name", ["1000/day", "every day", "tageslimit-für-alle", "x" * 33, "day;hour"])
def test_what_can_be_no_name_of_a_limit_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would match none, and the limit that was meant would be counted alone; the message has the names."""
    said = wrong(monkeypatch, REFUSED_WITHOUT_VALKEY=f"day,{name}")
    assert f"{name!r} is no name of a limit" in said
    assert "calls-month" in said
    assert load(monkeypatch, REFUSED_WITHOUT_VALKEY="day, strict").refused_without_valkey == ("day", "strict")


def test_what_kubernetes_sets_for_services_is_not_ours(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """The port is the file's or the default, and nothing of it is called a mistyped setting."""
    for name, value in INJECTED.items():
        monkeypatch.setenv(name, value)
    assert config.load().port == 3000
    file = home / "config.toml"
    file.write_text("port = 8123\n")
    assert load(monkeypatch, CONFIG=str(file)).port == 8123
    assert config.load(port=4).port == 4
    assert config.unknown_variables(Settings.model_fields) == []
    assert config.injected_variables() == sorted(INJECTED)
    monkeypatch.setenv("FLOWKEYS_PORT", "3111")
    monkeypatch.setenv("FLOWKEYS_PROT", "3111")
    assert config.load().port == 3111
    assert config.unknown_variables(Settings.model_fields) == ["FLOWKEYS_PROT"]


FILES: list[tuple[bytes, tuple[str, ...]]] = [
    (b'port = 8080\nsecret = "hunter2\n', ("line 2, column 18",)),
    (b"port = 8080\n\nsecret hunter2\n", ("line 3, column 8",)),
    (b'secret = "hunter2"\nsecret = "hunter2"\n', ("line 2",)),
    (b'secret = "hunter2"\nsecret = "hunter2"', ("last line", "a second time")),
    (b'[credentials.a]\nbase_url = "hunter2"\n[credentials.a]\n', ("line 3", "a second time")),
    (b'python_flows = ["hunter2"', ("its end",)),
    ('port = 8080\nnote = "hunter2é"\n'.encode("latin-1"), ("line 2", "UTF-8")),
    ("port = 8080 # hunter2\n".encode("utf-16"), ("UTF-16", "UTF-8")),
    (b'prot = "hunter2"\n', ("prot in ", "not a setting")),
]


def test_a_file_that_is_wrong_is_told_by_its_place(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """The file, the line, the column; nothing of what stands there."""
    file = home / "config.toml"
    for content, said in FILES:
        file.write_bytes(content)
        text = wrong(monkeypatch, CONFIG=str(file))
        assert all(part in text for part in (str(file), *said)), text
        assert "hunter2" not in text


def test_a_byte_order_mark_before_the_file_is_skipped(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Notepad and PowerShell write it."""
    file = home / "config.toml"
    file.write_bytes(b"\xef\xbb\xbfport = 8123\r\n")
    assert load(monkeypatch, CONFIG=str(file)).port == 8123


def test_where_nobody_knows_a_home_a_folder_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container whose user is a number alone: no HOME, no entry in passwd."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    assert "FLOWKEYS_DATA_DIR" in wrong(monkeypatch)
    assert "FLOWKEYS_DATA_DIR" in wrong(monkeypatch, DATA_DIR="~/x")
    assert "FLOWKEYS_CONFIG" in wrong(monkeypatch, CONFIG="~/config.toml")
    assert load(monkeypatch, DATA_DIR="/srv/x").data_dir == Path("/srv/x")
    with pytest.raises(ConfigurationError, match="whole path"):
        Verifier.local("~/.flowkeys")
    with pytest.raises(ConfigurationError, match="no home"):
        expanded("~nobody-of-this-name/x", "Correct it.")


def test_every_part_reads_variables_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's and the command's too."""
    for text, meant in (("", None), (" \r", None), ('""', None), ('"a"', "a"), (" a ", "a"), ('"', '"')):
        monkeypatch.setenv("FLOWKEYS_URL", text)
        assert variable("FLOWKEYS_URL") == meant


def test_the_database_is_a_file_unless_a_url_names_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A path and SQLAlchemy's form of it are the same file; other URLs are read by libpq."""
    assert load(monkeypatch).database_file == tmp_path / ".flowkeys" / "flowkeys.db"
    path = tmp_path / "keys 1.db"
    for written in (str(path), f"sqlite:///{path}", f"sqlite:///{tmp_path}/keys%201.db"):
        settings = load(monkeypatch, DATABASE=written)
        assert (settings.database_file, settings.database_url) == (path, None)
    assert load(monkeypatch, DATABASE="~/a.db").database_file == tmp_path / "a.db"
    of_socket = "postgresql://keys@/flowkeys?host=/run/postgresql&sslmode=disable"
    for written in (of_socket, of_socket.replace("postgresql", "postgres", 1)):
        assert load(monkeypatch, DATABASE=written).database_url == of_socket
    several = "postgresql://keys@one:5432,two:5433/flowkeys?target_session_attrs=read-write"
    assert load(monkeypatch, DATABASE=several).database_url == several


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("mysql://keys:hunter2@host/flowkeys", "postgresql://USER"),
        ("sqlite://", "sqlite:///PATH"),
        ("postgresql://keys:hunter2@host", "names no database"),
        ("postgresql://keys:hunter2@host/flowkeys?target_session_attrs=any", "primary"),
        ("postgresql://keys:hunter2@host/flowkeys#1", "%23"),
        ("postgresql://keys:hunter2#@host/flowkeys", "percent-encoding"),
        ("postgresql://keys:hunter2/x@host/flowkeys", "percent-encoding"),
        ("postgresql://keys:hunter2%@host/flowkeys", "%25"),
        ("postgresql://keys:hunter2%00@host/flowkeys", "%25"),
        ("postgresql://keys@host/flowkeys?password=50%hunter2", "%25"),
        ("postgresql://keys:12/hunter2@host/flowkeys", "percent-encoding"),
    ],
)
def test_a_database_that_cannot_be_one_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    """What is wrong is told with what to write; the password stays where it is."""
    told = wrong(monkeypatch, DATABASE=written)
    assert "FLOWKEYS_DATABASE" in told
    assert said in told
    assert "hunter2" not in told


def test_the_password_of_a_database_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither with the settings, nor in the form that people see."""
    written = "postgresql://keys:hunter2@host:5433/flowkeys?password=hunter3&host=/run/pg"
    settings = load(monkeypatch, DATABASE=written)
    assert "hunter" not in f"{settings!r}{settings}{settings.model_dump()}{settings.model_dump_json()}"
    shown = without_password(written)
    assert shown == "postgresql://keys@host:5433/flowkeys?host=/run/pg"


def test_a_file_with_the_password_of_a_database_is_its_owners_alone(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """As one that holds model keys."""
    file = home / "config.toml"
    file.write_text('database = "postgresql://keys:hunter2@host/flowkeys"')
    file.chmod(0o644)
    assert f"chmod 600 {file}" in wrong(monkeypatch, CONFIG=str(file))
    file.chmod(0o600)
    assert load(monkeypatch, CONFIG=str(file)).database_url is not None
