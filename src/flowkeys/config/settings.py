"""The settings: what each is called, may be, is unless given, and means."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flowkeys.client.http.environment import expanded
from flowkeys.config import file
from flowkeys.config.credential import Credential
from flowkeys.config.database import database_of, is_postgres
from flowkeys.config.environment import PREFIX, Environment
from flowkeys.config.following import FollowingSettings
from flowkeys.config.processes import ProcessSettings
from flowkeys.config.values import Servers, host_of, place_of, socket_of
from flowkeys.domain.addresses import UNIX
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.header import KeyHeader

_MIB = 1024 * 1024

Names = Annotated[tuple[str, ...], NoDecode]
_LISTS = "public_url", "python_flows", "allowed_endpoints", "trusted_proxies", "refused_without_valkey"


class Settings(FollowingSettings, ProcessSettings):
    """The server's settings."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        default=Path(file.DEFAULT_DATA_DIR),
        description="The folder of the database, the secret and config.toml.",
    )
    database: SecretStr | None = Field(
        default=None,
        description="Where the data is kept: a file, as a path or sqlite:///PATH, or postgresql://…. "
        "Unless set, it is flowkeys.db in the data directory.",
    )
    migrate: bool = Field(
        default=True,
        description="Whether a start brings the database's schema up to date; if not, it refuses an old one.",
    )
    secret: SecretStr | None = Field(
        default=None,
        description="The server secret; several, newest first, separated by commas. "
        "Without it the file `secret` in the data directory is used, and made at the first start.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=3000, ge=0, le=65535, description="The port to listen on; 0 picks a free one.")
    uds: Path | None = Field(
        default=None,
        description="A Unix socket to listen on, mode 0660, for a proxy on this machine; instead of "
        "host and port unless one of them is set too.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="A port of its own for /metrics, as Prometheus reads them; 0 picks a free one, unset is "
        "off.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="The address of that port.")
    traces: bool = Field(
        default=False,
        description="Whether requests and calls of models are told to OpenTelemetry, where OTEL_… says.",
    )
    public_url: Names = Field(
        default=(),
        description="Where people reach this server, such as https://keys.example.com or "
        "https://example.com/flowkeys; several, separated by commas: links begin with the first.",
    )
    key_header: str | None = Field(
        default=None,
        description="The one header that forward-auth takes keys from, such as X-API-Key, "
        "when the application needs Authorization for itself.",
    )
    sign_in_days: int = Field(
        default=30, ge=1, le=365, description="After so many days a person has to sign in again."
    )
    sign_in_idle_days: int = Field(
        default=7, ge=1, le=365, description="After so many days without a visit, too."
    )
    http: Literal["protocol", "asgi"] = Field(
        default="protocol",
        description="Where verify, forward-auth and refusals are answered: in the connection or behind ASGI.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="JSON lines, or words for a terminal; auto looks whether stderr is one."
    )
    access_log: bool = Field(default=True, description="Whether each request writes a line.")
    reserved_tokens: int = Field(
        default=4096,
        ge=1,
        le=10_000_000,
        description="How many tokens are reserved of quotas for a model whose node sets no maxTokens, "
        "until its answer is there.",
    )
    model_silence_seconds: int = Field(
        default=120,
        ge=1,
        le=86_400,
        description="How long a model may be silent within an answer that comes piece by piece.",
    )
    model_answer_seconds: int = Field(
        default=600,
        ge=1,
        le=86_400,
        description="How long a model may take for an answer that is asked for whole.",
    )
    usage_flush_seconds: int = Field(
        default=2,
        ge=1,
        le=300,
        description="How often what was counted in memory is stored: so much of it a crash may lose.",
    )
    trusted_proxies: Names = Field(
        default=(),
        description="Proxies whose X-Forwarded-For is believed: networks or addresses, separated by commas; "
        "unix is whoever comes by the Unix socket.",
    )
    failures_per_second: int = Field(
        default=10,
        ge=0,
        le=1_000_000,
        description="Failed credentials that an address may send each second; further ones are 429; "
        "0 is no limit.",
    )
    failures_burst: int = Field(
        default=100, ge=1, le=1_000_000, description="Failed credentials that an address may send at once."
    )
    valkey: Servers | None = Field(
        default=None,
        description="Where limits are counted for all processes: valkey://…, redis://…, rediss://… or "
        "unix://…; a primary and its replicas, separated by commas.",
    )
    valkey_timeout_ms: int = Field(
        default=50, ge=1, le=10_000, description="So long a call waits for Valkey; then it is taken for away."
    )
    limits_without_valkey: Literal["per-process", "refuse"] = Field(
        default="per-process",
        description="While Valkey is away: each process counts alone, or calls with limits are refused.",
    )
    refused_without_valkey: Names = Field(
        default=(), description="Names of limits and quotas, such as calls-month, that refuse all the same."
    )
    max_body_bytes: int = Field(
        default=10 * _MIB, ge=1024, description="The largest request body; larger ones are 413."
    )
    max_upload_bytes: int = Field(default=50 * _MIB, ge=1024, description="The largest upload of documents.")
    max_document_bytes: int = Field(default=20 * _MIB, ge=1024, description="The largest single document.")
    max_document_pages: int = Field(default=2000, ge=1, description="Pages of a PDF.")
    max_documents: int = Field(default=10_000, ge=1, description="Documents in one collection.")
    python_flows: Names = Field(
        default=(), description="What pythonAgentflow may run: `module:attribute`, separated by commas."
    )
    python_path: Path = Field(default=Path(), description="The folder that those modules are imported from.")
    allowed_endpoints: Names = Field(
        default=(),
        description="Base URLs on loopback or private networks that flows may call without a credential.",
    )
    variables: dict[str, str] = Field(
        default={}, description="What `{{ $vars.name }}` means in every chatflow. No place for secrets."
    )
    credentials: dict[str, Credential] = Field(
        default={},
        description="Model keys by name, each with its one base URL. Best kept in config.toml, mode 0600.",
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

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            meant = (part.strip().strip("\"'").strip() for part in value)  # each may have quotes of its own
            return tuple(part for part in meant if part)
        return value

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
    def secret_file(self) -> Path:
        """The file of the server secret."""
        return self.data_dir / "secret"

    def given_secret(self) -> str | None:
        """Return what the setting `secret` holds; None: the file holds the secrets."""
        return None if self.secret is None else self.secret.get_secret_value().strip() or None
