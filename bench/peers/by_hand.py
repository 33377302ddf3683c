"""What people write by hand: FastAPI, a bearer dependency, SHA-256 of the token, one look-up.

`PEER_STORE` chooses where: `dict` in memory, or `sqlite` by the digest, which is the primary key.
"""

import os
import secrets
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

FOLDER = Path(os.environ["PEER_FOLDER"])
KEYS = 1000


class Key(BaseModel):
    id: int
    name: str
    is_active: bool


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _fill() -> tuple[dict[str, Key], sqlite3.Connection]:
    tokens = [f"sk-{secrets.token_urlsafe(32)}" for _ in range(KEYS)]
    keys = {_digest(token): Key(id=n, name=f"key {n}", is_active=True) for n, token in enumerate(tokens)}
    raw = sqlite3.connect(FOLDER / "keys.sqlite3", check_same_thread=False)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("CREATE TABLE key (digest TEXT PRIMARY KEY, id INTEGER, name TEXT, is_active BOOLEAN)")
    rows = [(digest, key.id, key.name, key.is_active) for digest, key in keys.items()]
    raw.executemany("INSERT INTO key VALUES (?, ?, ?, ?)", rows)
    raw.commit()
    (FOLDER / "token").write_text(tokens[0])
    return keys, raw


keys, database = _fill()
bearer = HTTPBearer(auto_error=False)
app = FastAPI()


async def current_key(sent: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Key:
    key = None if sent is None else _find(_digest(sent.credentials))
    if key is None or not key.is_active:
        raise HTTPException(401, "Invalid API key", {"WWW-Authenticate": "Bearer"})
    return key


def _find(digest: str) -> Key | None:
    if os.environ["PEER_STORE"] == "dict":
        return keys.get(digest)
    found = database.execute("SELECT id, name, is_active FROM key WHERE digest = ?", (digest,)).fetchone()
    return None if found is None else Key(id=found[0], name=found[1], is_active=found[2])


@app.get("/protected")
async def protected(key: Annotated[Key, Depends(current_key)]) -> Key:
    return key
