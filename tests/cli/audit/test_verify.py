"""``flowkeys audit verify``: what somebody did to the log by hand, in SQL, is found and named."""

import shutil
from pathlib import Path
from secrets import token_urlsafe

import pytest

from flowkeys.domain.keys.digest import secret_id
from tests.cli.audit.conftest import Spoil
from tests.cli.conftest import Cli
from tests.support.databases import ON_POSTGRES, Shell

NEW = token_urlsafe(32)
ROW = 4
"""Somewhere in the middle of the log."""
COLUMNS = (
    "workspace_id, at, actor_type, actor_id, actor_name, action, subject, subject_id, address, request_id, "
    "before, after, segment, seal"
)
_COPY = f"INSERT INTO audit(seq, {COLUMNS}) SELECT {{}}, {COLUMNS} FROM audit WHERE seq = {{}}"
ZEROS = f"decode('{'00' * 32}', 'hex')" if ON_POSTGRES else "zeroblob(32)"
TAMPERED = {
    "who did it": (("UPDATE audit SET actor_name = 'somebody' WHERE seq = 4",), "changed", ROW),
    "what was done": (("UPDATE audit SET action = 'key.enable' WHERE seq = 4",), "changed", ROW),
    "when": (("UPDATE audit SET at = at + 1 WHERE seq = 4",), "changed", ROW),
    "from where": (("UPDATE audit SET address = '10.0.0.1' WHERE seq = 4",), "changed", ROW),
    "before": (("UPDATE audit SET before = NULL WHERE seq = 5",), "changed", 5),
    "a text as bytes": (("UPDATE audit SET action = CAST(action AS BLOB) WHERE seq = 4",), "changed", ROW),
    "what is no text": (("UPDATE audit SET after = CAST(x'ff' AS TEXT) WHERE seq = 4",), "changed", ROW),
    "another workspace": (
        (
            (
                "UPDATE audit SET workspace_id = (SELECT id FROM workspace WHERE name = 'other')"
                " WHERE action = 'key.create'"
            ),
        ),
        "changed",
        ROW,
    ),
    "its segment": (("UPDATE audit SET segment = 7 WHERE seq = 4",), "changed", ROW),
    "its seal": ((f"UPDATE audit SET seal = {ZEROS} WHERE seq = 4",), "changed", ROW),
    "a row": (("DELETE FROM audit WHERE seq = 4",), "removed", ROW),
    "some rows": (("DELETE FROM audit WHERE seq IN (4, 5)",), "removed", ROW),
    "the first": (("DELETE FROM audit WHERE seq = 1",), "removed", 1),
    "a row, and the numbers closed up": (
        ("DELETE FROM audit WHERE seq = 4", "UPDATE audit SET seq = seq - 1 WHERE seq > 4"),
        "changed",
        ROW,
    ),
    "two rows in each other's place": (
        (
            "UPDATE audit SET seq = 99 WHERE seq = 4",
            "UPDATE audit SET seq = 4 WHERE seq = 5",
            "UPDATE audit SET seq = 5 WHERE seq = 99",
        ),
        "changed",
        ROW,
    ),
    "a row without a seal": (
        (
            "UPDATE audit SET seq = -seq WHERE seq >= 4",
            "UPDATE audit SET seq = 1 - seq WHERE seq < 0",
            _COPY.format(4, 2),
            "UPDATE audit SET seal = NULL, segment = NULL WHERE seq = 4",
        ),
        "put_in",
        ROW,
    ),
    "a copy of a row at the end": ((_COPY.format(8, 4),), "changed", 8),
    "a row before the first": ((_COPY.format(-1, 4),), "put_in", -1),
}
_OF_SQLITE = pytest.mark.of_sqlite("columns of PostgreSQL hold what their types say")


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(name, marks=_OF_SQLITE if "CAST(" in done[0][0] else ())
        for name, done in TAMPERED.items()
    ],
)
def test_what_was_done_by_hand_is_named(what: str, local: Cli, logged: int, spoil: Spoil) -> None:
    """Given a log to which something was done in SQL, the first row that is not as it was is named."""
    del logged
    statements, kind, row = TAMPERED[what]
    spoil(*statements)
    result = local("audit", "verify", "--json")
    assert result.code == 3
    assert f'"kind": "{kind}"' in result.out, result.out
    assert f'"row": {row},' in result.out, result.out
    told = local("audit", "verify")
    assert told.code == 3
    assert f"ow {row}" in told.out or f"ows {row} to" in told.out


def test_a_row_put_in_between_is_told_from_one_that_was_changed(
    local: Cli, logged: int, spoil: Spoil
) -> None:
    """Given a sealed-looking row in a gap that somebody made for it, it is the one that is named."""
    del logged
    spoil("DELETE FROM audit WHERE seq = 7", _COPY.format(7, 6))
    assert '"row": 7,' in local("audit", "verify", "--json").out


def test_a_whole_log_is_whole(local: Cli, logged: int) -> None:
    """Given nothing done to it, the exit code is 0 and the head is said."""
    result = local("audit", "verify", "--json").json
    assert result["whole"]
    assert result["fault"] is None
    assert result["head"].startswith(f"{logged}:")
    assert result["head"] == local("audit", "head").out.strip()


def test_a_cut_end_is_found_by_a_head_that_was_kept(
    local: Cli, logged: int, spoil: Spoil, data_dir: Path
) -> None:
    """Given the last rows cut off, and no journal beside, the rest is whole, and not to who kept a head."""
    head = local("audit", "head").out.strip()
    spoil(f"DELETE FROM audit WHERE seq >= {logged - 1}")
    assert "an older backup was restored" in local("audit", "verify").out
    (data_dir / "revocations.journal").unlink()
    assert local("audit", "verify").code == 0
    result = local("audit", "verify", "--head", head)
    assert result.code == 3
    assert "The end was cut" in result.out
    assert f"names row {logged}" in result.out


def test_a_cut_end_shows_when_rows_come_behind_it(local: Cli, logged: int, spoil: Spoil) -> None:
    """Given the last rows cut off and others written since, their numbers say that some are missing."""
    spoil(f"DELETE FROM audit WHERE seq >= {logged - 1}")
    local("keys", "create", "two")
    result = local("audit", "verify")
    assert result.code == 3
    assert f"Rows {logged - 1} to {logged} were removed" in result.out


def test_an_older_head_is_still_in_the_chain(local: Cli, logged: int) -> None:
    """Given rows behind a head that was kept, it is found where it was."""
    del logged
    head = local("audit", "head").out.strip()
    local("keys", "create", "two")
    assert local("audit", "verify", "--head", head).code == 0


@pytest.mark.of_sqlite("an older copy of the file is put back")
def test_a_log_that_was_written_anew_is_not_that_of_the_head(
    local: Cli, logged: int, data_dir: Path, tmp_path: Path
) -> None:
    """Given an older copy put back and written on, a head tells though every seal is right."""
    copy = tmp_path / "older.db"
    shutil.copy(data_dir / "flowkeys.db", copy)
    local("keys", "create", "two")
    head = local("audit", "head").out.strip()
    shutil.copy(copy, data_dir / "flowkeys.db")
    local("keys", "create", "another")
    assert local("audit", "verify").code == 0
    result = local("audit", "verify", "--head", head)
    assert result.code == 3
    assert f"Row {logged + 1} is not the one that the head names" in result.out


@pytest.mark.parametrize("head", ["7", "seven:00", f"0:{'0' * 64}", f"7:{'0' * 62}", f"7:{'g' * 64}"])
def test_what_is_no_head_is_refused(head: str, local: Cli) -> None:
    """Given something else, the sentence says how a head looks."""
    result = local("audit", "verify", "--head", head)
    assert result.code == 6
    assert "64 digits" in result.err


def test_the_log_stays_verifiable_when_the_secret_is_rotated_and_the_old_one_gone(
    local: Cli, logged: int, data_dir: Path, spoil: Spoil
) -> None:
    """Given another secret in front, one start moves the log; then the old one is not needed."""
    head = local("audit", "head").out.strip()
    path = data_dir / "secret"
    old = path.read_text("utf-8").splitlines()[-1]
    path.write_text(f"{NEW}\n{old}\n", "utf-8")
    needed = local("doctor").out
    assert f"{secret_id(old)} is needed by 1 segment of the audit log" in needed
    local("keys", "create", "two")
    path.write_text(f"{NEW}\n", "utf-8")
    assert local("audit", "verify", "--head", head).code == 0
    assert local("audit", "verify", "--json").json["rows"] == logged + 2
    spoil("UPDATE audit SET at = at + 1 WHERE seq = 4")
    assert "Row 4 was changed" in local("audit", "verify").out


def test_who_has_the_old_secret_alone_cannot_write_old_rows_anew(
    local: Cli, logged: int, data_dir: Path
) -> None:
    """Given the old segment sealed anew under its own key, the first row of the next one does not fit it."""
    from flowkeys.domain.audit.chain import COLUMNS as SEALED
    from flowkeys.domain.audit.segments import Segment, key_of
    from flowkeys.domain.keys.server_secrets import read_file

    path = data_dir / "secret"
    leaked = read_file("secret", path.read_bytes())
    path.write_text(f"{NEW}\n{path.read_text('utf-8').splitlines()[-1]}\n")
    local("keys", "create", "two")
    with Shell(data_dir) as database:
        database.execute("UPDATE audit SET actor_name = 'somebody' WHERE seq = 4")
        found_to, begun_at = database.execute(
            "SELECT found_to, begun_at FROM audit_segment WHERE id = 1"
        ).fetchone()
        (name,) = leaked.ids
        key = key_of(
            Segment(id=1, secret_id=name, found_to=found_to, begun_at=begun_at, kept_under=name),
            leaked.derive,
        )
        assert key is not None
        seal = b""
        rows = database.execute(f"SELECT {', '.join(SEALED)} FROM audit WHERE segment = 1 ORDER BY seq")
        for row in rows.fetchall():
            seal = key.seal(seal, row)
            database.execute("UPDATE audit SET seal = ? WHERE seq = ?", (seal, row[0]))
    result = local("audit", "verify")
    assert result.code == 3
    assert f"Row {logged + 1} was changed" in result.out


def test_rows_whose_secret_is_not_there_are_not_called_whole(local: Cli, logged: int, data_dir: Path) -> None:
    """Given a secret replaced instead of put behind the new one, the rows are named, and a start warns."""
    path = data_dir / "secret"
    old = path.read_text("utf-8").splitlines()[-1]
    path.write_text(f"{NEW}\n", "utf-8")
    assert f"sealed under the secret {secret_id(old)}" in local("keys", "list").err
    result = local("audit", "verify")
    assert result.code == 3
    assert f"Rows 1 to {logged} cannot be verified" in result.err
    path.write_text(f"{NEW}\n{old}\n", "utf-8")
    assert local("keys", "list").err.count("audit log") == 0
    assert local("audit", "verify").code == 0


def test_segments_that_somebody_took_away_do_not_make_the_log_anew(
    local: Cli, logged: int, spoil: Spoil
) -> None:
    """Given the keys' table emptied after a change, no start seals what is there."""
    del logged
    spoil("UPDATE audit SET at = at + 1 WHERE seq = 4", "DELETE FROM audit_segment")
    local("keys", "create", "two")
    assert local("audit", "verify").code == 3


def test_rows_of_before_the_chain_are_sealed_once(
    local: Cli, logged: int, spoil: Spoil, data_dir: Path
) -> None:
    """Given a log of an older version, gaps and all, the first start seals it and says how much."""
    (data_dir / "revocations.journal").unlink(missing_ok=ON_POSTGRES)  # which came later than the chain
    spoil(
        "DELETE FROM audit_segment",
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit SET seal = NULL, segment = NULL",
    )
    local("keys", "list")
    found = local("audit", "verify", "--json").json
    assert found["rows"] == logged
    spoil("DELETE FROM audit WHERE seq = 2")
    assert '"row": 1,' not in local("audit", "verify", "--json").out
    assert local("audit", "verify").code == 3


# IMPORT SHELL
