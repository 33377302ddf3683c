"""Giving up the keys whose secret is lost, so that the server starts again."""

from flowkeys import config
from flowkeys.bootstrap import clock
from flowkeys.bootstrap.looking import Look
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.backends.local import open_local
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import print_json, say
from flowkeys.config import Settings
from flowkeys.storage.secrets import secret_file


def give_up(secret_id: str, *, yes: bool, as_json: bool) -> None:
    """Revoke every key, of all workspaces, that only this secret could verify.

    Raises:
        Refusal: the secret is not lost, or no key was made under it.
    """
    require_local("flowkeys keys revoke --made-under")
    count = _count(config.load(), secret_id)
    confirm(f"Revoke {_keys(count)} made under the lost secret {secret_id}, in all workspaces?", yes=yes)
    with open_local(None, create=False, check=False) as backend:  # makes a new secret where there is none
        affected = backend.run(backend.runtime.keyring.revoke_made_under(secret_id))
    if as_json:
        print_json({"raw": [], "affected": affected})
    else:
        say(f"Revoked {_keys(affected)}. The server can start again.")


def _count(settings: Settings, secret_id: str) -> int:
    """Return how many keys it is about. Nothing is changed before somebody said yes."""
    if secret_id in secret_file.known(settings.given_secret(), settings.secret_file).ids:
        raise Refusal(
            "validation_failed",
            f"The secret {secret_id} is not lost: this server has it, and its keys work. "
            "Revoke them one by one, or take the secret away first.",
        )
    count = 0
    if (database := Look(settings)).is_there():
        with database.snapshot() as tables:
            count = len(tables.keys.ids_by_secret(secret_id, clock()))
    if not count:
        raise Refusal("not_found", f"No key that could be accepted was made under a secret {secret_id}.")
    return count


def _keys(count: int) -> str:
    return f"{count} key{'' if count == 1 else 's'}"
