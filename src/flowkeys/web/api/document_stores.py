"""``/document-stores``: collections of documents. No call takes a path of the server."""

from typing import Final

import msgspec
from fastapi import Response

from flowkeys.domain.documents.collection import Collection, Document
from flowkeys.domain.times import to_iso
from flowkeys.web.auth import authenticate
from flowkeys.web.render import Json
from flowkeys.web.requests.upload import FIELD, read_files
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.document_stores import DocumentOut, DocumentStoreIn, DocumentStoreOut, ImportOut
from flowkeys.web.schemas.keys import AffectedOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Document stores"])

MAX_FILES: Final = 1000
_ADD: Final = "documentStores:add-loader"
_UPLOAD: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}


@router.on(
    "POST",
    "/document-stores",
    needs="documentStores:create",
    answers=DocumentStoreOut,
    status=201,
    errors=("validation_failed", "invalid_json", "too_large"),
)
async def create_store(body: DocumentStoreIn, call: Call) -> Response:
    """Make an empty collection."""
    made = await call.services.collections.create(call.caller, body.name, body.description)
    return json_response(_store(made), 201, {"Location": f"/api/v1/document-stores/{made.id}"})


@router.on("GET", "/document-stores", needs="documentStores:view", answers=list[DocumentStoreOut])
async def list_stores(call: Call) -> Response:
    """List collections, newest first."""
    found = await call.services.collections.all(call.caller)
    return json_response([_store(item) for item in found])


@router.on(
    "GET",
    "/document-stores/{store_id}",
    needs="documentStores:view",
    answers=DocumentStoreOut,
    errors=("not_found",),
)
async def get_store(store_id: str, call: Call) -> Response:
    """Return a collection."""
    return json_response(_store(await call.services.collections.get(call.caller, store_id)))


@router.on(
    "DELETE",
    "/document-stores/{store_id}",
    needs="documentStores:delete",
    answers=AffectedOut,
    errors=("not_found",),
)
async def delete_store(store_id: str, call: Call) -> Response:
    """Delete a collection with its documents. A chatflow that searches it then finds nothing."""
    await call.services.collections.delete(call.caller, store_id)
    return json_response({"raw": [], "affected": 1})


@router.on(
    "GET",
    "/document-stores/{store_id}/documents",
    needs="documentStores:view",
    answers=list[DocumentOut],
    errors=("not_found",),
)
async def list_documents(store_id: str, call: Call) -> Response:
    """List a collection's documents."""
    found = await call.services.collections.documents(call.caller, store_id)
    return json_response([_document(item) for item in found])


@router.on(
    "POST",
    "/document-stores/{store_id}/documents",
    needs=_ADD,
    answers=ImportOut,
    errors=("not_found", "validation_failed", "too_large"),
    extra=_UPLOAD,
)
async def upload_documents(store_id: str, call: Call) -> Response:
    """Add files: Markdown, HTML, PDF, Word, tables, JSON, text… A file of the same name is replaced."""
    files = await read_files(call, max_bytes=call.services.max_upload_bytes, max_files=MAX_FILES)
    # The files may have been long in coming: what was decided before them may no longer hold.
    call.state.caller = await authenticate(call.services, call.scope, _ADD)
    report = await call.services.collections.add_files(call.caller, store_id, files)
    return json_response(msgspec.structs.asdict(report))


@router.on(
    "DELETE",
    "/document-stores/{store_id}/documents/{document_id}",
    needs="documentStores:delete-loader",
    answers=AffectedOut,
    errors=("not_found",),
)
async def delete_document(store_id: str, document_id: str, call: Call) -> Response:
    """Delete one document."""
    await call.services.collections.delete_document(call.caller, store_id, document_id)
    return json_response({"raw": [], "affected": 1})


def _store(item: Collection) -> Json:
    return {
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "documents": item.documents,
        "passages": item.passages,
        "createdDate": to_iso(item.created_at),
        "updatedDate": to_iso(item.updated_at),
        "workspaceId": item.workspace_id,
    }


def _document(item: Document) -> Json:
    return {
        "id": item.id,
        "source": item.source,
        "mediaType": item.media_type,
        "sizeBytes": item.size_bytes,
        "sha256": item.sha256,
        "passages": item.passages,
        "createdDate": to_iso(item.created_at),
    }
