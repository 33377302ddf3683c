"""keyshield (once fastapi-api-key) as its README has it: FastAPI, SQLAlchemy on SQLite, Argon2 with a pepper.

Kinder than that in two ways: its table is made once at the start, not for each request as in the example, and
its delay of 100 to 300 ms after each verification is off, during which its transaction holds SQLite's lock.
`PEER_CACHED=1` chooses its `CachedApiKeyService`.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiocache
from fastapi import Depends, FastAPI
from keyshield import ApiKeyService
from keyshield.api import create_depends_api_key
from keyshield.hasher.argon2 import Argon2ApiKeyHasher
from keyshield.repositories.sql import SqlAlchemyApiKeyRepository
from keyshield.services.cached import CachedApiKeyService
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

FOLDER = Path(os.environ["PEER_FOLDER"])
KEYS = 10
hasher = Argon2ApiKeyHasher(pepper=secrets.token_hex(32))
engine = create_async_engine(f"sqlite+aiosqlite:///{FOLDER}/keys.sqlite3")
sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
NO_DELAY = {"min_delay": 0.0, "max_delay": 0.0}
cache = aiocache.SimpleMemoryCache()


async def service() -> AsyncIterator[ApiKeyService]:
    async with sessions() as session, session.begin():
        yield _service(session)


def _service(session):
    repository = SqlAlchemyApiKeyRepository(session)
    if os.environ.get("PEER_CACHED"):
        return CachedApiKeyService(repo=repository, hasher=hasher, cache=cache, **NO_DELAY)
    return ApiKeyService(repo=repository, hasher=hasher, **NO_DELAY)


@asynccontextmanager
async def lifespan(_app):
    async with sessions() as session, session.begin():
        await SqlAlchemyApiKeyRepository(session).ensure_table(async_engine=engine)
        for number in range(KEYS):
            _, key = await _service(session).create(name=f"key {number}")
    (FOLDER / "token").write_text(key)
    yield


app = FastAPI(lifespan=lifespan)
security = create_depends_api_key(service)


@app.get("/protected")
async def protected(api_key=Depends(security)):  # noqa: B008 - as FastAPI has it
    return {"id": api_key.id_, "name": api_key.name}
