"""What the tests of documents share."""

from flowkeys.documents.kinds import Limits, media_type, passages
from flowkeys.domain.documents.collection import Collection, Document, ParsedDocument, Passage
from flowkeys.domain.ids import new_id
from flowkeys.service.ports.store import Transaction
from flowkeys.storage.transaction import Tables
from tests.documents.conftest import WORKSPACE

GENEROUS = Limits(pages=100, passages=10_000)


def parsed(source: str, *items: Passage | str) -> ParsedDocument:
    """Return a document of these passages; a string is one without a heading."""
    made = tuple(Passage("", item) if isinstance(item, str) else item for item in items)
    return ParsedDocument(source, "text/plain", 1, "0" * 64, made)


def read(source: str, content: bytes | str) -> list[Passage]:
    """Parse in this process."""
    return passages(source, content.encode() if isinstance(content, str) else content, GENEROUS)


def make(tx: Transaction, workspace_id: str, *documents: ParsedDocument, name: str = "docs") -> str:
    """Make a collection of these documents and return its id."""
    made = Collection(
        id=new_id(), workspace_id=workspace_id, name=name, description=None, created_at=1, updated_at=1
    )
    tx.collections.insert(made)
    for document in documents:
        put(tx, workspace_id, made.id, document)
    return made.id


def put(tx: Transaction, workspace_id: str, collection_id: str, document: ParsedDocument) -> Document:
    """Put a document into a collection."""
    made = Document(
        id=new_id(),
        workspace_id=workspace_id,
        collection_id=collection_id,
        source=document.source,
        media_type=media_type(document.source) or "text/plain",
        size_bytes=document.size_bytes,
        sha256=document.sha256,
        created_at=2,
    )
    tx.collections.put_document(made, document)
    return made


def collection(tables: Tables, sections: dict[str, str]) -> str:
    """Make a collection of one file with these sections."""
    return make(tables, WORKSPACE, parsed("faq.md", *(Passage(*item) for item in sections.items())))


def first(tables: Tables, collection_id: str, question: str) -> str:
    """Return the heading of what is found first, or nothing."""
    hits = tables.collections.search(WORKSPACE, collection_id, question, 5)
    return hits[0].heading if hits else ""


def wrong(tables: Tables, collection_id: str, asked: dict[str, str]) -> dict[str, str]:
    """Return the questions that find another section than they should, with what they find."""
    found = {question: first(tables, collection_id, question) for question in asked}
    return {question: heading for question, heading in found.items() if heading != asked[question]}


def pdf(*pages: str) -> bytes:
    """Return a PDF with one line of text on each page, written by hand."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    size, fonts = "/MediaBox [0 0 612 792]", "<< /Font << /F1 3 0 R >> >>"
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R {size} /Contents {5 + 2 * number} 0 R /Resources {fonts} >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{item}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()
