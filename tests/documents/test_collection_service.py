"""The use cases of collections, over a real database and real parsing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys.domain.errors import Forbidden, InvalidInput, NotFound, TooLarge
from flowkeys.domain.principal import Caller, Principal
from flowkeys.service.documents.collections import CollectionService, ImportReport
from flowkeys.service.documents.importing import clean_source
from flowkeys.service.documents.retrieving import StoreRetriever
from flowkeys.storage.sqlite.database import SqliteStore
from tests.documents.conftest import ELSEWHERE, WORKSPACE


def holding(*permissions: str, workspace_id: str = WORKSPACE) -> Caller:
    """Return a key that holds just these permissions."""
    return Caller(Principal("key", "key-id", "CI", workspace_id, frozenset(permissions)))


def journal(database: Path) -> list[tuple[str, str, str]]:
    """Return what the audit log and the change feed say, in order, together."""
    with closing(sqlite3.connect(database)) as raw:
        audit = raw.execute("SELECT subject_id, action FROM audit ORDER BY seq").fetchall()
        change = raw.execute("SELECT subject_id, subject FROM change ORDER BY seq").fetchall()
    assert [subject_id for subject_id, _ in audit] == [subject_id for subject_id, _ in change]
    return [
        (subject_id, action, subject)
        for (subject_id, action), (_, subject) in zip(audit, change, strict=True)
    ]


class TestCreate:
    async def test_it_makes_an_empty_collection(self, service: CollectionService, caller: Caller) -> None:
        """Which can be read back, alone and in the list, newest first."""
        first = await service.create(caller, "  Handbook  ", "For colleagues")
        second = await service.create(caller, "Handbook")
        assert (first.name, first.description, first.documents, first.passages) == (
            "Handbook",
            "For colleagues",
            0,
            0,
        )
        assert await service.get(caller, first.id) == first
        assert await service.all(caller) == [second, first]

    @pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", "a\0b"])
    async def test_an_unfit_name_is_refused(
        self, service: CollectionService, caller: Caller, name: str
    ) -> None:
        """The field is named as on the wire, and nothing is made."""
        with pytest.raises(InvalidInput) as caught:
            await service.create(caller, name)
        assert [error.field for error in caught.value.errors] == ["name"]
        assert await service.all(caller) == []

    async def test_a_long_description_is_refused(self, service: CollectionService, caller: Caller) -> None:
        """Two thousand characters are enough to say what is in it."""
        with pytest.raises(InvalidInput, match="description"):
            await service.create(caller, "Name", "x" * 2001)


class TestAddFiles:
    async def test_files_become_searchable_documents(
        self, service: CollectionService, caller: Caller
    ) -> None:
        """With their sources, kinds, sizes and numbers of passages."""
        made = await service.create(caller, "Docs")
        files = [("b.md", b"# Keys\n\nRevoke them."), ("a/a.txt", b"Plain words.")]
        assert await service.add_files(caller, made.id, files) == ImportReport(added=2, passages=2)
        documents = await service.documents(caller, made.id)
        assert [(d.source, d.media_type, d.size_bytes, d.passages) for d in documents] == [
            ("a/a.txt", "text/plain", 12, 1),
            ("b.md", "text/markdown", 20, 1),
        ]
        (hit,) = await service.search(caller, made.id, "How do I revoke a key?")
        assert (hit.source, hit.heading, hit.document_id) == ("b.md", "Keys", documents[1].id)
        assert (await service.get(caller, made.id)).documents == 2

    async def test_an_unchanged_file_is_skipped_and_a_changed_one_replaced(
        self, service: CollectionService, caller: Caller
    ) -> None:
        """So that an import can be repeated; the old words are found no longer."""
        made = await service.create(caller, "Docs")
        await service.add_files(caller, made.id, [("a.md", b"walrus"), ("b.md", b"heron")])
        outcomes: dict[str, str] = {}
        report = await service.add_files(
            caller, made.id, [("a.md", b"penguin"), ("b.md", b"heron")], outcomes.__setitem__
        )
        assert report == ImportReport(replaced=1, unchanged=1, passages=1)
        assert outcomes == {"a.md": "replaced", "b.md": "unchanged"}
        assert await service.search(caller, made.id, "walrus") == []
        assert [hit.content for hit in await service.search(caller, made.id, "penguin")] == ["penguin"]

    async def test_one_bad_file_does_not_keep_the_others_out(
        self, service: CollectionService, caller: Caller
    ) -> None:
        """It is reported by name."""
        made = await service.create(caller, "Docs")
        report = await service.add_files(caller, made.id, [("a.exe", b"MZ"), ("b.md", b"fine")])
        assert (report.added, [error.field for error in report.refused]) == (1, ["files"])
        assert report.refused[0].message.startswith("a.exe: ")

    async def test_nothing_but_bad_files_is_an_error(
        self, service: CollectionService, caller: Caller, database: Path
    ) -> None:
        """Each file is named, and nothing has changed."""
        made = await service.create(caller, "Docs")
        before = journal(database)
        with pytest.raises(InvalidInput) as caught:
            await service.add_files(caller, made.id, [("a.exe", b"MZ"), ("b.txt", b"a\0b")])
        assert [error.message.split(":")[0] for error in caught.value.errors] == ["a.exe", "b.txt"]
        assert journal(database) == before

    async def test_a_file_that_is_too_large_says_so(self, service: CollectionService, caller: Caller) -> None:
        """It is another error than a damaged one: 413 and not 422 on the wire."""
        made = await service.create(caller, "Docs")
        with pytest.raises(TooLarge, match=r"big\.txt"):
            await service.add_files(caller, made.id, [("big.txt", b"x" * 2_000_001)])

    async def test_no_files_are_an_error(self, service: CollectionService, caller: Caller) -> None:
        """An upload without a file is a mistake of the client."""
        made = await service.create(caller, "Docs")
        with pytest.raises(InvalidInput, match="files"):
            await service.add_files(caller, made.id, [])

    async def test_files_beyond_the_limits_are_refused(
        self, service: CollectionService, caller: Caller
    ) -> None:
        """Four files at once and three documents a collection are this test's limits."""
        made = await service.create(caller, "Docs")
        five = [(f"{number}.md", b"text") for number in range(5)]
        report = await service.add_files(caller, made.id, five[:4])
        assert (report.added, [error.message[:4] for error in report.refused]) == (3, ["3.md"])
        with pytest.raises(TooLarge, match="4 files"):
            await service.add_files(caller, made.id, five)
        assert (await service.add_files(caller, made.id, [("0.md", b"new text")])).replaced == 1

    async def test_a_collection_that_is_deleted_meanwhile_gets_nothing(
        self, service: CollectionService, caller: Caller
    ) -> None:
        """The check is in the transaction that writes."""
        made = await service.create(caller, "Docs")
        files = [("a.md", b"text")]
        known = service._store.read

        async def read_then_delete(work):
            result = await known(work)
            await service._store.write(lambda tx: tx.collections.delete(WORKSPACE, made.id))
            return result

        service._store.read = read_then_delete  # type: ignore[method-assign]
        with pytest.raises(NotFound):
            await service.add_files(caller, made.id, files)


class TestDelete:
    async def test_a_collection_goes_with_all_it_holds(
        self, service: CollectionService, caller: Caller, database: Path
    ) -> None:
        """No document, passage or word of it is left, and the full-text table is in order."""
        made = await service.create(caller, "Docs")
        await service.add_files(caller, made.id, [("a.md", b"walrus"), ("b.md", b"heron")])
        await service.delete(caller, made.id)
        with pytest.raises(NotFound):
            await service.get(caller, made.id)
        with closing(sqlite3.connect(database)) as raw:
            for table in ("collection", "document", "passage"):
                assert raw.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            assert raw.execute("SELECT * FROM passage_fts WHERE passage_fts MATCH 'walrus'").fetchall() == []
            raw.execute("INSERT INTO passage_fts(passage_fts, rank) VALUES ('integrity-check', 1)")

    async def test_a_document_goes_alone(self, service: CollectionService, caller: Caller) -> None:
        """The others stay; deleting it again finds none."""
        made = await service.create(caller, "Docs")
        await service.add_files(caller, made.id, [("a.md", b"walrus"), ("b.md", b"heron")])
        first, second = await service.documents(caller, made.id)
        await service.delete_document(caller, made.id, first.id)
        assert await service.documents(caller, made.id) == [second]
        assert await service.search(caller, made.id, "walrus") == []
        with pytest.raises(NotFound):
            await service.delete_document(caller, made.id, first.id)


async def test_every_change_is_in_the_journal(
    service: CollectionService, caller: Caller, database: Path
) -> None:
    """The change feed and the audit log name the collection and what happened, in order."""
    made = await service.create(caller, "Docs")
    await service.add_files(caller, made.id, [("a.md", b"one")])
    await service.add_files(caller, made.id, [("a.md", b"two")])
    (document,) = await service.documents(caller, made.id)
    await service.delete_document(caller, made.id, document.id)
    await service.delete(caller, made.id)
    assert journal(database) == [
        (made.id, action, "collection")
        for action in (
            "collection.create",
            "document.add",
            "document.replace",
            "document.delete",
            "collection.delete",
        )
    ]


async def test_each_call_needs_its_permission_and_no_other(
    service: CollectionService, caller: Caller
) -> None:
    """Without it `Forbidden` names it, before anything is looked up; with it alone the call is made."""
    made = await service.create(caller, "Docs")
    await service.add_files(caller, made.id, [("a.md", b"one"), ("b.md", b"two")])
    (document, _) = await service.documents(caller, made.id)
    calls = [
        ("documentStores:create", lambda c: service.create(c, "Name")),
        ("documentStores:view", service.all),
        ("documentStores:view", lambda c: service.get(c, made.id)),
        ("documentStores:view", lambda c: service.documents(c, made.id)),
        ("documentStores:view", lambda c: service.search(c, made.id, "one")),
        ("documentStores:add-loader", lambda c: service.add_files(c, made.id, [("c.md", b"three")])),
        ("documentStores:delete-loader", lambda c: service.delete_document(c, made.id, document.id)),
        ("documentStores:delete", lambda c: service.delete(c, made.id)),
    ]
    everything = {permission for permission, _ in calls}
    for permission, call in calls:
        with pytest.raises(Forbidden) as caught:
            await call(holding(*(everything - {permission})))
        assert caught.value.permission == permission
    for permission, call in calls:
        await call(holding(permission))


async def test_another_workspace_has_no_such_collection(service: CollectionService, caller: Caller) -> None:
    """Whatever it may do at home: the collection cannot be told from one that never was."""
    made = await service.create(caller, "Docs")
    await service.add_files(caller, made.id, [("a.md", b"one")])
    (document,) = await service.documents(caller, made.id)
    stranger = holding("*", workspace_id=ELSEWHERE)
    assert await service.all(stranger) == []
    for call in (
        service.get(stranger, made.id),
        service.documents(stranger, made.id),
        service.search(stranger, made.id, "one"),
        service.add_files(stranger, made.id, [("b.md", b"two")]),
        service.delete_document(stranger, made.id, document.id),
        service.delete(stranger, made.id),
    ):
        with pytest.raises(NotFound):
            await call
    assert await service.documents(caller, made.id) == [document]


class TestRetriever:
    @pytest.mark.parametrize(
        "reference", ["{id}", "Docs", "{id}:Docs", "{id}:renamed", "other-server-id:Docs"]
    )
    async def test_a_collection_is_found_by_what_flows_call_it(
        self, service: CollectionService, store: SqliteStore, caller: Caller, reference: str
    ) -> None:
        """By id, by name, and as Flowise's exports name it, on the server it came from or another."""
        made = await service.create(caller, "Docs")
        await service.add_files(caller, made.id, [("a.md", b"walrus")])
        name = reference.format(id=made.id)
        hits = await StoreRetriever(store).search(WORKSPACE, name, "Where is the walrus?", 3)
        assert [hit.content for hit in hits] == ["walrus"]

    @pytest.mark.parametrize("name", ["", ":", "Other", "Docs:x", "\0"])
    async def test_a_missing_collection_finds_nothing(
        self, service: CollectionService, store: SqliteStore, caller: Caller, name: str
    ) -> None:
        """A flow whose collection was deleted goes on without it."""
        made = await service.create(caller, "Docs")
        await service.add_files(caller, made.id, [("a.md", b"walrus")])
        assert await StoreRetriever(store).search(WORKSPACE, name, "walrus", 3) == []

    async def test_another_workspace_finds_nothing(
        self, service: CollectionService, store: SqliteStore, caller: Caller
    ) -> None:
        """By no name, not even the right id."""
        made = await service.create(caller, "Docs")
        await service.add_files(caller, made.id, [("a.md", b"walrus")])
        for name in (made.id, "Docs", f"{made.id}:Docs"):
            assert await StoreRetriever(store).search(ELSEWHERE, name, "walrus", 3) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.md", "a.md"),
        ("guide/a.md", "guide/a.md"),
        ("guide\\a.md", "guide/a.md"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ann\\a.md", "a.md"),
        ("../../a.md", "a.md"),
        ("a/./b//c.md", "a/b/c.md"),
        ("", None),
        ("/", None),
        ("..", None),
        ("a\nb.md", None),
        ("a\0.md", None),
        ("x" * 501, None),
    ],
)
def test_a_source_is_never_a_path_of_a_machine(name: str, source: str | None) -> None:
    """Absolute paths are cut down to the file's name, and dots lead nowhere."""
    assert clean_source(name) == source
