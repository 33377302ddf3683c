"""Giving up the keys whose secret is lost, so that the server starts again."""

from flowkeys.cli.backend import require_local
from flowkeys.cli.failures import Refusal
from flowkeys.cli.keys import confirm
from flowkeys.cli.local import open_local
from flowkeys.cli.output import print_json, say


def give_up(secret_id: str, *, yes: bool, as_json: bool) -> None:
    """Revoke every key, of all workspaces, that only this secret could verify.

    Raises:
        Refusal: the secret is not lost, or no key was made under it.
    """
    require_local("flowkeys keys revoke --made-under")
    with open_local(None, create=False, check=False) as backend:
        runtime = backend.runtime
        if secret_id in runtime.hasher.secret_ids:
            raise Refusal(
                "validation_failed",
                f"The secret {secret_id} is not lost: this server has it, and its keys work. "
                "Revoke them one by one, or take the secret away first.",
            )
        count = backend.run(runtime.keyring.count_made_under(secret_id))
        if not count:
            raise Refusal("not_found", f"No key that could be accepted was made under a secret {secret_id}.")
        confirm(
            f"Revoke {count} key{'' if count == 1 else 's'} made under the lost secret {secret_id}, "
            "in all workspaces, for good?",
            yes=yes,
        )
        affected = backend.run(runtime.keyring.revoke_made_under(secret_id))
    if as_json:
        print_json({"raw": [], "affected": affected})
    else:
        say(f"Revoked {affected} key{'' if affected == 1 else 's'}. The server starts again.")
