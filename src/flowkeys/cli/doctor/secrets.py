"""The server's secrets: which signs, which verify, who needs them, and what can be none."""

from collections.abc import Iterator

from flowkeys.cli.doctor.finding import Finding, fail, ok, warn
from flowkeys.cli.streams import counted
from flowkeys.config import Settings
from flowkeys.domain.audit.segments import key_of
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.secret_form import made_here
from flowkeys.domain.keys.server_secrets import VERIFIES_ONLY, ServerSecrets
from flowkeys.service.audit.checking import count_segments
from flowkeys.service.audit.opening import warning_of as warning_of_segment
from flowkeys.service.flows.vault import lost_credentials
from flowkeys.service.ports.store import Transaction
from flowkeys.service.startup import MissingSecret, warning_of
from flowkeys.service.webhooks.sealing import lost_secrets
from flowkeys.storage.secrets import secret_file

_CHECK = "secret"
_NONE_CAN_SIGN = "Until then the server does not start, and no key can be verified."


def check_secrets(settings: Settings, tx: Transaction | None, now: int) -> Iterator[Finding]:
    """Look at the secrets; `tx` counts the keys, and is None where there is no database that can be read."""
    try:
        given = settings.given_secret()
        in_file = secret_file.read(settings.secret_file)
        written = secret_file.known(given, settings.secret_file)
    except (ConfigurationError, OSError) as error:
        yield fail(_CHECK, f"{error}", "Without its secret no key can be verified.")
        return
    counts = {} if tx is None else tx.keys.count_by_secret(now)
    segments = {} if tx is None else count_segments(tx)
    webhooks = {} if tx is None else tx.webhooks.count_by_secret()
    credentials = {} if tx is None else tx.credentials.count_by_secret()
    used = set() if tx is None else {*tx.keys.secrets(), *_known(tx, written)}
    known = {*written.ids, *written.earlier(used)}
    if missing := {name: count for name, count in counts.items() if name not in known}:
        yield fail(_CHECK, str(MissingSecret(missing, tuple(known), written)), _NONE_CAN_SIGN)
    try:
        written.require_sound(used)
        if written:
            written.hasher(used)
    except ConfigurationError as error:
        yield fail(_CHECK, f"{error}", _NONE_CAN_SIGN)
        return
    if not written:
        if not missing:
            yield ok(_CHECK, "none yet; the first flowkeys serve makes one")
        return
    yield from _in_use(written, counts, segments, (webhooks, credentials))
    yield from _lost(tx, written)
    yield from _unreadable(written, webhooks, credentials)
    yield from _earlier(written, used, counts)
    if given and in_file:
        advice = f"Move {settings.secret_file} away when no key needs it."
        yield warn(_CHECK, "FLOWKEYS_SECRET is used, and the file is not.", advice)


def _known(tx: Transaction, written: ServerSecrets) -> list[str]:
    return [name for name in written.earlier_ids if tx.journal.noted(VERIFIES_ONLY, name)]


def _lost(tx: Transaction | None, written: ServerSecrets) -> Iterator[Finding]:
    """Tell of what cannot be verified in the audit log for want of a secret."""
    for segment in () if tx is None else tx.audit_chain.segments():
        if key_of(segment, written.derive) is None:
            yield warn("audit", warning_of_segment(segment), "Everything else works on without it.")


def _unreadable(
    written: ServerSecrets, webhooks: dict[str, int], credentials: dict[str, int]
) -> Iterator[Finding]:
    """Tell of webhooks that nothing can be sent to for want of a secret, and of credentials."""
    for name, count in sorted(webhooks.items()):
        if name not in written.ids:
            yield warn("webhooks", lost_secrets(name, count), "Everything else works on without it.")
    for name, count in sorted(credentials.items()):
        if name not in written.ids:
            yield warn("credentials", lost_credentials(name, count), "Everything else works on without it.")


def _in_use(
    written: ServerSecrets,
    counts: dict[str, int],
    segments: dict[str, int],
    sealed: tuple[dict[str, int], dict[str, int]],
) -> Iterator[Finding]:
    """Tell of each secret how many keys need it, how many parts of the audit log, and webhooks' secrets.

    Nobody is told to take out one that a server made, as its form shows, nor any while a line is in doubt:
    what is in front of it may not be what its owner thinks it is.
    """
    webhooks, credentials = sealed
    first, *others = written.ids
    keys, kept = counts.get(first, 0), segments.get(first, 0)
    were, are = "was" if keys == 1 else "were", "is" if kept == 1 else "are"
    yield ok(
        _CHECK,
        f"{first} from {written.where} signs; {counted(keys, 'key')} {were} made under it, and "
        f"{counted(kept, 'segment')} of the audit log {are} kept under it"
        + (f", and {counted(count, 'secret')} of webhooks" if (count := webhooks.get(first, 0)) else "")
        + (f", and {counted(count, 'credential')}" if (count := credentials.get(first, 0)) else ""),
    )
    for name, secret in zip(others, written.secrets[1:], strict=True):
        if count := counts.get(name, 0):
            yield ok(_CHECK, f"{name} is needed by {counted(count, 'key')}, moved to {first} when used")
        elif count := segments.get(name, 0):
            yield ok(
                _CHECK,
                f"{name} is needed by {counted(count, 'segment')} of the audit log, until the next start",
            )
        elif count := webhooks.get(name, 0):
            yield ok(
                _CHECK, f"{name} is needed by {counted(count, 'secret')} of webhooks, until the next start"
            )
        elif count := credentials.get(name, 0):
            yield ok(_CHECK, f"{name} is needed by {counted(count, 'credential')}, until the next start")
        elif made_here(secret) or written.doubtful:
            yield ok(_CHECK, f"{name} is needed by no key any more; whether it stays is for its owner to say")
        else:
            yield warn(_CHECK, f"no key needs {name} any more.", f"Take it out of {written.where}.")


def _earlier(written: ServerSecrets, used: set[str], counts: dict[str, int]) -> Iterator[Finding]:
    doubtful = {item.id for item in written.doubtful}
    for name, item in written.earlier(written.earlier_ids).items():
        count = counts.get(name, 0)
        if name in used and (count or name in doubtful):
            advice = (
                "Keys that nobody uses never move: find them with flowkeys keys list --sort lastUsedAt, and "
                f"revoke what nobody wants. This ends all: flowkeys keys revoke --made-under {name}"
                if count
                else "Take the line out, and nothing else."
            )
            yield warn(_CHECK, f"{warning_of(written, item, count)} ({name})", advice)
        elif item.is_mark:
            yield warn(
                _CHECK,
                f"{item.place} in {written.where}: no key needs what an earlier version read there ({name}).",
                "Save the file as UTF-8 without a byte order mark, and change nothing else.",
            )
