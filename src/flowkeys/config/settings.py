"""The settings: what each is called, may be, is unless given, and means."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flowkeys.client.http.environment import expanded
from flowkeys.config import file
from flowkeys.config.credential import Credential
from flowkeys.config.database import database_of, is_postgres
from flowkeys.config.environment import PREFIX, Environment
from flowkeys.config.following import JOURNAL, FollowingSettings
from flowkeys.config.processes import BoundSettings, CodeSettings, ProcessSettings
from flowkeys.config.values import Names, host_of, names_of_limits, place_of, socket_of
from flowkeys.domain.addresses import UNIX
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.header import KeyHeader


class Settings(FollowingSettings, BoundSettings, CodeSettings, ProcessSettings):
    """The server's settings."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        default=Path(file.DEFAULT_DATA_DIR),
        description="The folder of the database, the secret and `config.toml`. Not to be set in "
        "`config.toml`, which is found by it.",
    )
    database: SecretStr | None = Field(
        default=None,
        description="Where the data is kept: a file, as a path or `sqlite:///PATH` (a relative one begins in "
        "the folder that the server is started in); `flowkeys.db` in the data directory unless set. Or the "
        "URL of a [PostgreSQL](postgresql.md) database, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, "
        "which needs `pip install 'flowkeys[postgres]'`.",
    )
    migrate: bool = Field(
        default=True,
        description="Whether a start, and every command, brings the schema of the database up to "
        "date by itself, one process at a time. `false` refuses to start on an old one: run `flowkeys"
        " migrate` when it suits.",
    )
    secret: SecretStr | None = Field(
        default=None,
        description="The server secret, at least 32 random letters and digits; several, newest "
        "first, separated by commas. Without it the file `secret` in the data directory is used, and "
        "made at the first start. See [operations.md](operations.md).",
    )
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on, a name or an IP address. `0.0.0.0` is every network,"
        " `::` every one of IPv6 too: put a proxy with TLS in front.",
    )
    port: int = Field(
        default=3000,
        ge=0,
        le=65535,
        description="The port to listen on; `0` picks a free one, which the first line of the log names.",
    )
    uds: Path | None = Field(
        default=None,
        description="The path of a Unix socket to listen on, mode 0660, for a proxy on the same "
        "machine. No port is opened then, unless `FLOWKEYS_HOST` or `FLOWKEYS_PORT` is set too, in "
        "whatever way. A relative path begins in the folder that the server is started in. See "
        "[operations.md](operations.md#a-unix-socket-instead-of-a-port).",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="A port of its own for `/metrics`, which Prometheus reads: "
        "[metrics.md](metrics.md). With several processes each has one, counted up from here. Off "
        "unless set; `0` picks a free one, which the log names.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="The address of that port. Whoever reaches it reads how much is called and what"
        " fails, so let only Prometheus reach it.",
    )
    traces: bool = Field(
        default=False,
        description="Whether requests, and calls of models within them, are told to OpenTelemetry: "
        "[traces.md](traces.md). Needs `pip install 'flowkeys[otel]'`.",
    )
    public_url: Names = Field(
        default=(),
        description="Where people reach this server, for example `https://keys.example.com`, or "
        "below a path `https://example.com/flowkeys`. Several, separated by commas, with the same "
        "path in all: links that are given away begin with the first, and forms are accepted from "
        "pages of each. Without it links name the address that is served. Set it behind a proxy: over"
        " `https` it makes the sign-in's cookie `Secure`. See "
        "[operations.md](operations.md#below-a-path-and-under-several-addresses).",
    )
    key_header: str | None = Field(
        default=None,
        description="The one header in which [forward-auth](forward-auth/README.md#another-header) "
        "looks for keys, for example `X-API-Key`, when the application behind needs `Authorization` "
        "for itself; without it that is `Authorization`. It holds the bare token. Management, verify "
        "and predictions take keys from `Authorization` as ever.",
    )
    sign_in_days: int = Field(
        default=30, ge=1, le=365, description="After so many days a person has to sign in again."
    )
    sign_in_idle_days: int = Field(
        default=7, ge=1, le=365, description="After so many days without a visit, too."
    )
    http: Literal["protocol", "asgi"] = Field(
        default="protocol",
        description="Where verify, forward-auth and predictions that are not streamed are answered:"
        " `protocol` inside the connection, twice as fast, or `asgi` as uvicorn calls any "
        "application. The answers are the same.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` or `error`."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="`json` is a JSON object a line, and nothing else on stderr; `text` is for "
        "people; `auto` is `text` on a terminal, and `json` elsewhere.",
    )
    access_log: bool = Field(default=True, description="Whether each request writes a line.")
    trusted_proxies: Names = Field(
        default=(),
        description="Proxies whose `X-Forwarded-For` is believed: addresses, or networks such as "
        "`10.0.0.0/8`, separated by commas; `unix` is whoever comes by the Unix socket. Set it behind"
        " a proxy, where everybody has the proxy's address otherwise; `flowkeys doctor` warns. See "
        "[operations.md](operations.md#behind-a-proxy).",
    )
    python_flows: Names = Field(
        default=(),
        description="What chatflows may run of Python: `module:attribute`, several separated by commas.",
    )
    python_path: Path = Field(default=Path(), description="The folder that those modules are imported from.")
    allowed_endpoints: Names = Field(
        default=(),
        description="Base URLs on this machine or in private networks that chatflows may call "
        "without a credential, and [webhooks](webhooks.md) may be at, separated by commas.",
    )
    variables: dict[str, str] = Field(
        default={},
        description="What `{{ $vars.name }}` means in every chatflow; in the environment a JSON "
        "object. Every chatflow reads them: no place for secrets.",
    )
    credentials: dict[str, Credential] = Field(
        default={},
        description="Keys for models, by name, each with the one base URL that it may be sent to. "
        "Best kept in `config.toml`.",
    )

    @field_validator("data_dir", mode="after")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return expanded(value, file.NO_HOME).absolute()

    @field_validator("database", mode="after")
    @classmethod
    def _kept(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(database_of(value.get_secret_value()))

    @field_validator("python_path", mode="after")
    @classmethod
    def _found(cls, value: Path) -> Path:
        return expanded(value, "Set FLOWKEYS_PYTHON_PATH to the whole path.")

    @field_validator("host", "metrics_host", mode="after")
    @classmethod
    def _address(cls, value: str) -> str:
        return host_of(value)

    @field_validator("metrics_port", mode="after")
    @classmethod
    def _of_its_own(cls, value: int | None, others: ValidationInfo) -> int | None:
        if value and value == others.data.get("port") and others.data.get("uds") is None:
            raise ValueError("it is the port of the server itself: metrics need one of their own")
        return value

    @field_validator("valkey", mode="after")
    @classmethod
    def _valkey(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.data.get("limits") == "shared":
            # Each process would believe that all count together, and count alone.
            raise ValueError(
                "FLOWKEYS_LIMITS=shared has limits counted there: set FLOWKEYS_VALKEY, or "
                "FLOWKEYS_LIMITS=per-process"
            )
        return value

    @field_validator("refused_without_valkey", mode="after")
    @classmethod
    def _limits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return names_of_limits(value)

    @field_validator("uds", mode="after")
    @classmethod
    def _socket(cls, value: Path | None) -> Path | None:
        return None if value is None else socket_of(expanded(value, "Set FLOWKEYS_UDS to the whole path."))

    @field_validator("public_url", mode="after")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        places = tuple(dict.fromkeys(place_of(url) for url in value))
        if len({urlsplit(place).path for place in places}) > 1:
            raise ValueError("all of them need the same path, for example /flowkeys, or none")
        return places

    @field_validator("key_header", mode="after")
    @classmethod
    def _header(cls, value: str | None) -> str | None:
        try:
            header = KeyHeader.named(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return None if header is None else header.name

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                if text != UNIX:
                    ip_network(text)
            except ValueError:
                raise ValueError(
                    "give addresses, or networks such as 10.0.0.0/8 or fd00::/8, or unix for the Unix socket"
                ) from None
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then config.toml; no other file."""
        del env_settings, dotenv_settings, file_secret_settings
        in_file = InitSettingsSource(settings_cls, file.read(file.config_file()))
        return init_settings, Environment(settings_cls), in_file

    @property
    def has_port(self) -> bool:
        """Whether a port is listened on. Beside a socket it is when host or port is set, wherever that is."""
        return self.uds is None or bool({"host", "port"} & self.model_fields_set)

    @property
    def database_url(self) -> str | None:
        """The URL of the PostgreSQL database, with its password; None: the data is in `database_file`."""
        given = None if self.database is None else self.database.get_secret_value()
        return given if given is not None and is_postgres(given) else None

    @property
    def database_file(self) -> Path:
        """The file of the SQLite database."""
        if self.database is None or self.database_url is not None:
            return self.data_dir / "flowkeys.db"
        return Path(self.database.get_secret_value())

    @property
    def journal_file(self) -> Path:
        """The journal of revocations: beside a database that is a file, unless it was put elsewhere."""
        return self.revocation_journal or self.database_file.parent / JOURNAL

    @property
    def secret_file(self) -> Path:
        """The file of the server secret."""
        return self.data_dir / "secret"

    def given_secret(self) -> str | None:
        """Return what the setting `secret` holds; None: the file holds the secrets."""
        return None if self.secret is None else self.secret.get_secret_value().strip() or None
