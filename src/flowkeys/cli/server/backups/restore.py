"""``flowkeys restore``: a backup is examined, and takes the place of the database."""

from pathlib import Path
from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.output import print_json, say
from flowkeys.cli.server.backups.backup import File
from flowkeys.cli.server.backups.postgres import refuse_postgres
from flowkeys.cli.server.backups.progress import shown
from flowkeys.cli.streams import counted, note
from flowkeys.domain.audit.chain import read_head
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.storage.sqlite.backups import looking
from flowkeys.storage.sqlite.backups.manifest import Manifest, read


def restore(
    file: File,
    *,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Keep a database that is there under another name, and restore what a check objects to.",
        ),
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Put a backup in the place of the database. No server may run; nothing that is there is lost.

    It is examined first: its SHA-256, every page, its schema, its audit log, and whether the server secret is
    that of its keys.
    """
    require_local("flowkeys restore")
    from flowkeys import config
    from flowkeys.bootstrap import clock, data_dir
    from flowkeys.storage.secrets import secret_file
    from flowkeys.storage.sqlite.backups.replacing import replace

    settings = config.load()
    refuse_postgres(settings, "restore")
    if not file.is_file():
        raise ConfigurationError(f"There is no file {file}.")
    secrets = secret_file.known(settings.given_secret(), settings.secret_file)
    examined = _Examined(read(file), secrets, settings.journal_file, force)
    data_dir.make(settings)
    with shown(quiet=as_json) as progress:
        kept = replace(settings.database_file, file, clock(), progress, examined.check, force=force)
    if as_json:
        print_json(
            {
                "database": str(settings.database_file),
                "kept": None if kept is None else str(kept),
                "keys": examined.look.keys,
                "revision": examined.look.revision,
                "auditHead": None if examined.look.head is None else str(examined.look.head),
                "warnings": examined.warnings,
            }
        )
        return
    for warning in examined.warnings:
        note(f"Warning: {warning}")
    keys = counted(examined.look.keys, "key")
    say(f"{settings.database_file} is restored: {keys}, schema {examined.look.revision}.")
    if kept is not None:
        say(f"What was there is {kept} now.", err=True)


class _Examined:
    """What the examination of a backup says."""

    def __init__(self, manifest: Manifest | None, secrets: ServerSecrets, journal: Path, force: bool) -> None:
        self._manifest = manifest
        self._secrets = secrets
        self._journal = journal
        self._force = force
        self.look = looking.Look(revision=None)
        self.warnings: list[str] = []

    def check(self, copy: Path, sha256: str) -> None:
        """Examine the copy that is to be used.

        Raises:
            ConfigurationError: it is not to be used.
        """
        from flowkeys.storage.sqlite.migrate import HEAD, is_known

        if self._manifest is None:
            self.warnings.append(
                "There is no manifest beside the backup: nothing shows whether it is as it was made."
            )
        elif self._manifest.sha256 != sha256:
            self._object("It is not the file that its manifest speaks of: it was changed or cut since.")
        self.look, wrong = looking.examine(copy)
        if wrong:
            self._object(f"It is damaged: {'; '.join(wrong)}.")
        if self.look.revision is None:
            raise ConfigurationError("The backup is a database, and none of flowkeys.")
        if not is_known(self.look.revision):
            raise ConfigurationError(
                f"The backup has schema {self.look.revision}, which this version of flowkeys does not know. "
                "Use the version that made it, or a newer one."
            )
        if self.look.revision != HEAD:
            self.warnings.append(
                f"It has schema {self.look.revision}, an older version's: the next start brings it up to "
                f"{HEAD}."
            )
        self._check_secrets()
        self._check_log(copy)
        if ends := len(looking.unknown(copy, self._journal, self._secrets)):
            self.warnings.append(
                f"It is older than {counted(ends, 'event')} in revocations.journal: the next start revokes "
                "or disables again what they ended, and names it."
            )

    def _check_secrets(self) -> None:
        missing = [name for name in self.look.secret_ids if name not in self._secrets.ids]
        missing = [name for name in missing if name not in self._secrets.earlier(set(missing))]
        if missing:
            self._object(
                f"Keys in it were made under the secret {', '.join(missing)}, which is not in "
                f"{self._secrets.where}: the secret is no part of a backup. Bring it back first."
            )

    def _check_log(self, copy: Path) -> None:
        if not self._secrets.ids:
            return
        head = self._manifest and self._manifest.audit_head
        found = looking.chain(copy, self._secrets, read_head(head) if head else None)
        if found is None:
            self.warnings.append("Its audit log was not verified: it is older than the chain, or damaged.")
        elif found.fault is not None:
            self._object(f"Its audit log is not as it was written. {found.fault.message}")
        elif found.unverified:
            self.warnings.append("Parts of its audit log cannot be verified: their secret is not there.")

    def _object(self, why: str) -> None:
        if not self._force:
            raise ConfigurationError(f"{why} Nothing was changed. It is restored all the same with --force.")
        self.warnings.append(why)
