"""The whole examination, in the order in which things depend on each other."""

from collections.abc import Iterator

from flowkeys.bootstrap import clock
from flowkeys.bootstrap.looking import Look
from flowkeys.cli.doctor import chatflows, configuration, data, limits, listening, people, secrets
from flowkeys.cli.doctor.finding import Finding, fail
from flowkeys.config import Settings
from flowkeys.domain.errors import Unavailable


def examine() -> Iterator[Finding]:
    """Yield what is found, one thing after the other."""
    yield from configuration.check_variables()
    settings = configuration.load()
    if isinstance(settings, Finding):
        yield settings
        return
    yield configuration.check_file()
    yield from configuration.check_flow_settings(settings)
    yield from data.check_directory(settings)
    database = list(data.check_database(settings))
    yield from database
    is_sound = all(finding.verdict == "ok" for finding in database if finding.check == "database")
    readable = is_sound and Look(settings).is_there()
    yield from _contents(settings) if readable else secrets.check_secrets(settings, None, clock())
    yield from configuration.check_traces(settings)
    yield from limits.check_valkey(settings)
    yield from configuration.check_proxies(settings)
    if settings.has_port:
        yield listening.check_port(settings)
    yield from listening.check_metrics(settings)
    if settings.uds is not None:
        yield from listening.check_socket(settings.uds)


def _contents(settings: Settings) -> Iterator[Finding]:
    try:
        with Look(settings).snapshot() as tables:
            yield from secrets.check_secrets(settings, tables, clock())
            yield from data.check_keys(settings)
            yield from data.check_policies(tables)
            yield from data.check_journal(settings)
            yield from data.check_processes(tables, clock())
            yield from data.check_names(settings, tables)
            yield people.check_owners(tables)
            yield from chatflows.check_chatflows(settings, tables)
    except Unavailable as error:
        yield fail("database", str(error), "The next start brings an older schema up to date.")
