"""``/document-stores``: collections over HTTP, and the chatflows that answer from them."""

from flowkeys.flows.drafts.templates import documents_flow
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running

GUIDE = b"# Keys\n\n## Revoking\n\nTo revoke a key, delete it. It is final.\n"


def _store(api: Api, name: str = "Handbook") -> dict:
    response = api.post("/document-stores", json={"name": name})
    assert response.status_code == 201, response.text
    made: dict = response.json()
    return made


def _upload(api: Api, store: dict, *files: tuple[str, bytes]):
    return api.post(f"/document-stores/{store['id']}/documents", files=[("files", f) for f in files])


def test_a_collection_is_made_filled_searched_and_deleted(server: Running, owner: Api) -> None:
    """From an upload to an answer that quotes it with its source."""
    store = _store(owner)
    report = _upload(owner, store, ("guide/keys.md", GUIDE), ("notes.txt", b"Nothing about that here."))
    assert report.json() == {"added": 2, "replaced": 0, "unchanged": 0, "passages": 2, "refused": []}
    again = _upload(owner, store, ("guide/keys.md", GUIDE)).json()
    assert (again["added"], again["unchanged"]) == (0, 1)
    documents = owner.get(f"/document-stores/{store['id']}/documents").json()
    assert [d["source"] for d in documents] == ["guide/keys.md", "notes.txt"]
    assert owner.get(f"/document-stores/{store['id']}").json()["documents"] == 2

    chatflow = make_chatflow(owner, flow_data=documents_flow(store["id"]))
    caller = server.api(bound_key(owner, chatflow)["apiKey"])
    url = f"/prediction/{chatflow['id']}"
    answer = caller.post(url, json={"question": "How do I revoke a key?"}).json()
    assert "delete it. It is final" in answer["text"]
    assert answer["sourceDocuments"][0]["metadata"]["source"] == "guide/keys.md"
    nothing = caller.post(url, json={"question": "What is the capital of France?"}).json()
    assert "sourceDocuments" not in nothing
    assert "revoke" not in nothing["text"]

    first = documents[0]["id"]
    assert owner.delete(f"/document-stores/{store['id']}/documents/{first}").json()["affected"] == 1
    assert owner.delete(f"/document-stores/{store['id']}").json()["affected"] == 1
    assert owner.get(f"/document-stores/{store['id']}").status_code == 404
    assert caller.post(url, json={"question": "How do I revoke a key?"}).status_code == 200


def test_a_file_that_cannot_be_taken_is_named(owner: Api) -> None:
    """The others are taken; when none can be, the answer is 422."""
    store = _store(owner, "Mixed")
    report = _upload(owner, store, ("good.md", GUIDE), ("picture.png", b"\x89PNG")).json()
    assert report["added"] == 1
    assert "picture.png" in report["refused"][0]["message"]
    refused = _upload(owner, store, ("picture.png", b"\x89PNG"))
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    for response in (
        owner.post(f"/document-stores/{store['id']}/documents", json={"files": ["/etc/passwd"]}),
        owner.post(f"/document-stores/{store['id']}/documents", data={"files": "/etc/passwd"}),
    ):
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "files")


def test_no_upload_names_a_path_of_the_server(owner: Api) -> None:
    """Folders stay, as a part of the name; what leads out of them does not."""
    store = _store(owner, "Paths")
    _upload(owner, store, ("../../etc/keys.md", GUIDE), ("C:\\docs\\other.md", GUIDE + b"x"))
    sources = [d["source"] for d in owner.get(f"/document-stores/{store['id']}/documents").json()]
    assert sources == ["etc/keys.md", "other.md"]


def test_an_upload_has_a_limit(start) -> None:
    """A larger one is 413."""
    server = start(max_upload_bytes=4096)
    owner = server.owner()
    store = _store(owner)
    response = _upload(owner, store, ("big.txt", b"word " * 2000))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_chatflow_reads_only_documents_that_its_author_may_see(server: Running, owner: Api) -> None:
    """Making a flow over a collection needs `documentStores:view`; other changes of it do not."""
    store = _store(owner, "Confidential")
    _upload(owner, store, ("plan.md", b"# Plan\n\nThe launch is on Friday.\n"))
    flow_data = documents_flow(store["id"])
    permissions = ("chatflows:create", "chatflows:update", "chatflows:view")
    author = server.api(server.key("author", permissions)["apiKey"])
    refused = author.post("/chatflows", json={"name": "x", "flowData": flow_data, "type": "AGENTFLOW"})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_missing")
    blank = author.post("/chatflows", json={"name": "x"}).json()
    assert author.put(f"/chatflows/{blank['id']}", json={"flowData": flow_data}).status_code == 403
    mine = make_chatflow(owner, flow_data=flow_data)
    assert author.put(f"/chatflows/{mine['id']}", json={"name": "renamed"}).status_code == 200
    assert author.put(f"/chatflows/{mine['id']}", json={"flowData": flow_data + " "}).status_code == 200
