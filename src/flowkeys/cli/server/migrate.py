"""``flowkeys migrate``: the schema of the database is brought up to date, and nothing else happens."""

from flowkeys.cli import options
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.output import print_json, say


def migrate(*, as_json: options.AsJson = False) -> None:
    """Bring the database's schema up to date. Needed where FLOWKEYS_MIGRATE is false; else each start does.

    Make a backup before: there is no way back to an older schema.
    """
    require_local("flowkeys migrate")
    from flowkeys import config
    from flowkeys.bootstrap.migrating import migrate as run

    done = run(config.load())
    if as_json:
        print_json({"database": done.database, "before": done.before, "now": done.now})
    elif done.before == done.now:
        say(f"{done.database} has schema {done.now}, this version's: there was nothing to do.")
    else:
        had = "none" if done.before is None else done.before
        say(f"{done.database} has schema {done.now} now; before it had {had}.")
