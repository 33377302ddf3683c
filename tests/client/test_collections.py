"""`client.collections`: the document stores."""

from pathlib import Path

import pytest

import flowkeys
from tests.client.conftest import Sdk
from tests.client.scripted import Scripted

COLLECTION = {"id": "d1", "name": "Handbook", "description": None, "documents": 2, "passages": 9}
DOCUMENT = {"id": "f1", "source": "a.md", "mediaType": "text/markdown", "sizeBytes": 3, "passages": 1}
REPORT = {
    "added": 1,
    "replaced": 0,
    "unchanged": 0,
    "passages": 3,
    "refused": [{"field": "b.txt", "message": "It is empty."}],
}
ROOT = "/api/v1/document-stores"


async def test_the_life_of_a_collection(sdk: Sdk, server: Scripted) -> None:
    """Create, list, read, delete: each is one call to its path."""
    for answer in (COLLECTION, [COLLECTION], COLLECTION, None):
        server.answers(answer)
    created = await sdk(lambda c: c.collections.create("Handbook", "What we know"))
    listed = await sdk(lambda c: c.collections.list())
    found = await sdk(lambda c: c.collections.get(created))
    await sdk(lambda c: c.collections.delete(created))
    assert listed == [found]
    assert found.passages == 9
    assert server.requests[0].json == {"name": "Handbook", "description": "What we know"}
    assert [(r.method, r.path) for r in server.requests] == [
        ("POST", ROOT),
        ("GET", ROOT),
        ("GET", f"{ROOT}/d1"),
        ("DELETE", f"{ROOT}/d1"),
    ]


async def test_files_are_uploaded_by_name_and_content(sdk: Sdk, server: Scripted, tmp_path: Path) -> None:
    """Each is a part named `files`; of a path only the last name leaves the machine."""
    file = tmp_path / "a.md"
    file.write_bytes(b"# A\n")
    server.answers(REPORT, status=201)
    report = await sdk(lambda c: c.collections.upload("d1", [file, str(file), ("b.txt", b"bee")]))
    assert (report.added, report.passages) == (1, 3)
    assert report.refused == [flowkeys.FieldError("b.txt", "It is empty.")]
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"{ROOT}/d1/documents")
    assert request.body.count(b'name="files"; filename="a.md"') == 2
    assert b'name="files"; filename="b.txt"' in request.body
    assert b"# A\n" in request.body
    assert b"bee" in request.body
    assert str(tmp_path).encode() not in request.body


async def test_a_path_in_place_of_a_list_is_refused(sdk: Sdk) -> None:
    """A string is a list of characters; reading each as a file would be a riddle."""
    with pytest.raises(TypeError, match="list of files"):
        await sdk(lambda c: c.collections.upload("d1", "a.md"))


async def test_documents_can_be_listed_and_deleted(sdk: Sdk, server: Scripted) -> None:
    """Documents live below their collection."""
    server.answers([DOCUMENT])
    server.answers()
    (document,) = await sdk(lambda c: c.collections.documents("d1"))
    assert (document.source, document.media_type) == ("a.md", "text/markdown")
    await sdk(lambda c: c.collections.delete_document("d1", document))
    assert [(r.method, r.path) for r in server.requests] == [
        ("GET", f"{ROOT}/d1/documents"),
        ("DELETE", f"{ROOT}/d1/documents/f1"),
    ]
