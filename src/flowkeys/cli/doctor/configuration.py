"""The configuration: variables, config.toml, model credentials, the proxy."""

import stat
from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import urlsplit

from flowkeys import config
from flowkeys.cli.doctor.finding import Finding, fail, ok, warn
from flowkeys.client.http.environment import variable
from flowkeys.config import Settings
from flowkeys.domain.addresses import UNIX, parse_address
from flowkeys.domain.errors import ConfigurationError

_CHECK = "configuration"
_HTTP_PORT = 80


def check_variables() -> Iterator[Finding]:
    """Look for variables that look like settings and are none."""
    known = [config.PREFIX + name.upper() for name in Settings.model_fields]
    for name in config.unknown_variables(Settings.model_fields):
        close = get_close_matches(name, known, 1)
        advice = f"Is {close[0]} meant?" if close else "docs/configuration.md lists the settings."
        yield warn(_CHECK, f"{name} is not a setting; it changes nothing.", advice)
    if injected := config.injected_variables():
        yield ok(
            _CHECK,
            f"{injected[0]} and what else Kubernetes sets for Services of our name is not read "
            f"({len(injected)} in all; enableServiceLinks: false in the pod's specification keeps them away)",
        )


def load() -> Settings | Finding:
    """Return the settings, or why they cannot be read."""
    try:
        return config.load()
    except ConfigurationError as error:
        return fail(_CHECK, str(error), "docs/configuration.md lists every setting and what it may be.")
    except OSError as error:
        path = config.config_file()
        return fail(_CHECK, f"{path} cannot be read: {error.strerror}.", f"Run: chmod 600 {path}")


def check_file() -> Finding:
    """Look at config.toml."""
    path = config.config_file()
    if not path.is_file():
        if variable("FLOWKEYS_CONFIG"):
            return fail(_CHECK, f"FLOWKEYS_CONFIG names {path}, which is no file.", "Correct or unset it.")
        return ok(_CHECK, f"no {path}: defaults and the environment only")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o022:
        advice = f"It says which Python code runs, so only its owner may write it. Run: chmod 600 {path}"
        return warn(_CHECK, f"others may write {path} (mode {mode:04o}).", advice)
    return ok(_CHECK, f"{path} is read")


def check_flow_settings(settings: Settings) -> Iterator[Finding]:
    """Look at what chatflows may use: credentials, endpoints, Python objects. Nothing is imported."""
    for name, credential in settings.credentials.items():
        try:
            credential.key()
        except ConfigurationError as error:
            yield fail("credentials", f"{name}: {error}", "Without it the server does not start.")
        else:
            yield ok("credentials", f"{name} is sent to {credential.base_url} only")


def check_traces(settings: Settings) -> Iterator[Finding]:
    """Look whether spans can be sent, and say where they go."""
    if not settings.traces:
        return
    try:
        from flowkeys.telemetry.traces.exporting import destination

        yield ok("traces", f"spans go to {destination()}")
    except ConfigurationError as error:
        yield fail("traces", str(error), "Without it the server does not start.")


def check_proxies(settings: Settings) -> Iterator[Finding]:
    """Look whether the proxy that seems to be there is known: if not, everybody has its address."""
    if settings.uds is not None and UNIX not in settings.trusted_proxies:
        yield warn(
            "proxy",
            f"the proxy on {settings.uds} is not trusted: whoever comes by it has no address, so the limits "
            "on failed credentials and on sign-ins count them all as one.",
            "Add unix to FLOWKEYS_TRUSTED_PROXIES.",
        )
        return
    url = settings.public_url[0] if settings.public_url else None
    if url is None or settings.trusted_proxies or _is_this_machine(urlsplit(url).hostname or ""):
        return
    if url.startswith("http:") and _port(url) == settings.port and not _is_this_machine(settings.host):
        return  # it is reached without a proxy, by its own port
    yield warn(
        "proxy",
        f"people come to {url}, probably by a proxy, and none is trusted: the limits on failed credentials "
        "and on sign-ins count everybody behind it as one address, and so do the log and the history.",
        "Set FLOWKEYS_TRUSTED_PROXIES to the proxy's own addresses or networks, for example 127.0.0.1.",
    )


def _port(url: str) -> int:
    return urlsplit(url).port or _HTTP_PORT


def _is_this_machine(host: str) -> bool:
    """Tell whether a host's name or address means the machine on which it is said."""
    address = parse_address(host)
    if address is not None:
        return address.is_loopback
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")
