"""A FastAPI application whose routes need keys. Run: uvicorn examples.fastapi_app:app."""

import os
from typing import Annotated

from fastapi import Depends, FastAPI, Security

from flowkeys.fastapi import install, require_key
from flowkeys.verify import VerifiedKey, Verifier

verifier = Verifier.local(os.environ.get("FLOWKEYS_DATA_DIR", "~/.flowkeys"))

app = FastAPI()
install(app)  # refusals are application/problem+json

AnyKey = Annotated[VerifiedKey, Depends(require_key(verifier))]
MayReadLogs = Annotated[VerifiedKey, Security(require_key(verifier), scopes=["logs:view"])]
ForChatflow = Annotated[VerifiedKey, Depends(require_key(verifier, chatflow_param="chatflow_id"))]


@app.get("/me")
async def me(key: AnyKey) -> dict[str, str]:
    """Any good key may ask who it is."""
    return {"id": key.id, "name": key.name}


@app.get("/logs")
async def logs(key: MayReadLogs) -> dict[str, str]:
    """Only keys with the permission."""
    return {"for": key.name}


@app.get("/chatflows/{chatflow_id}/report")
async def report(chatflow_id: str, key: ForChatflow) -> dict[str, str]:
    """Only keys that open the chatflow."""
    return {"chatflow": chatflow_id, "for": key.name}
