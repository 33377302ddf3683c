"""Fixtures of the tests of flows."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.models.model_server import ModelServer, serving


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    """A model on a real socket of this machine."""
    async with serving() as server:
        yield server
