"""Importing a folder of documents into the collection of a chatflow."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowkeys.cli.backends.backend import Backend, Json
from flowkeys.cli.documents.progress import importing
from flowkeys.cli.failures import Refusal
from flowkeys.cli.streams import note, printable
from flowkeys.domain.errors import FlowkeysError


@contextmanager
def new_collection(backend: Backend, name: str) -> Iterator[str]:
    """Make a collection, and take it back when what is made of it fails."""
    collection_id: str = backend.create_collection(name)["id"]
    try:
        yield collection_id
    except BaseException:
        with suppress(FlowkeysError):
            backend.delete_collection(collection_id)
        raise


def import_documents(backend: Backend, collection_id: str, folder: Path, *, quiet: bool) -> Json:
    """Import a folder and say what became of its files."""
    with importing("Importing", quiet=quiet) as progress:
        report = backend.import_folder(collection_id, folder, progress)
    for refused in report["refused"]:
        note(f"Refused: {printable(refused['message'])}")
    counts = (f"{report[what]} {what}" for what in ("added", "replaced", "unchanged") if report[what])
    note(f"Documents: {', '.join(counts)}; {report['passages']} new passages.")
    return report


def collection_of(backend: Backend, flow: Json) -> str:
    """Return the id of the one collection that a chatflow's retriever searches.

    Raises:
        Refusal: it searches none, or several.
    """
    known: dict[str, str] = {}
    for item in backend.collections():  # newest first: of several with one name the oldest is meant
        known |= {item["name"]: item["id"], item["id"]: item["id"]}
    found = {known[name] for name in _named(flow["flowData"]) if name in known}
    if len(found) != 1:
        what = "several collections" if found else "no collection of documents"
        raise Refusal(
            "validation_failed",
            f"The chatflow {flow['name']!r} searches {what}, so there is no place to import to. "
            "Make a new one with: flowkeys flows add NAME --docs FOLDER",
        )
    return found.pop()


def _named(flow_data: str) -> Iterator[str]:
    """Yield the collections that the retrievers of a flow name, by id, name or ``id:name``."""
    for node in json.loads(flow_data).get("nodes", ()):
        inputs = node.get("data", {}).get("inputs", {}) if isinstance(node, dict) else {}
        stores = inputs.get("retrieverKnowledgeDocumentStores") if isinstance(inputs, dict) else None
        for store in stores if isinstance(stores, list) else ():
            name = store.get("documentStore") if isinstance(store, dict) else None
            if isinstance(name, str):
                yield name
                yield from name.split(":", 1)
