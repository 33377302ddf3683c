"""Schemathesis over the OpenAPI description: what it promises is what the server does."""

import copy
import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from flowkeys.web.framework import describe
from tests.support.flows import make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.sweeps import examples

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own, about libraries that it uses
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import (
        content_type_conformance,
        negative_data_rejection,
        not_a_server_error,
        response_schema_conformance,
        status_code_conformance,
    )

DESCRIPTION = describe("0").openapi()
OPERATIONS = sorted(
    f"{method.upper()} {path}" for path, item in DESCRIPTION["paths"].items() for method in item
)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


STRICT = [
    f"{method.upper()} {path}"
    for path, item in DESCRIPTION["paths"].items()
    for method, operation in item.items()
    if "application/json" in operation.get("requestBody", {}).get("content", {}) and "prediction" not in path
]
"""Operations that refuse every body that does not fit; predictions pass over what they do not know."""


def described(operation: str) -> Any:
    """Return an operation for Schemathesis, without its security: who gets in is tested elsewhere."""
    method, path = operation.split(" ")
    return whole()[path][method]


@cache
def whole() -> Any:
    """Return the description for Schemathesis."""
    described = copy.deepcopy(DESCRIPTION)
    del described["components"]["securitySchemes"]
    for item in described["paths"].values():
        for each in item.values():
            each.pop("security", None)
    return schemathesis.openapi.from_dict(described)


class Sandbox:
    """A server to break, with things that come back when they are deleted."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.owner: Api = server.owner()
        self.ids = dict.fromkeys(("key_id", "chatflow_id", "store_id", "document_id"), "")

    def refresh(self) -> None:
        """See to it that every id of a path names something."""
        ids, owner = self.ids, self.owner
        if owner.get(f"/apikey/{ids['key_id'] or 'x'}").json()["status"] in {404, "revoked"}:
            ids["key_id"] = make_key(owner)["id"]
        if not owner.get(f"/chatflows/{ids['chatflow_id'] or 'x'}").json().get("isPublic"):
            ids["chatflow_id"] = make_chatflow(owner, isPublic=True)["id"]
        path = f"/document-stores/{ids['store_id'] or 'x'}"
        if owner.get(path).is_error:
            ids["store_id"] = owner.post("/document-stores", json={"name": "fuzzed"}).json()["id"]
        path = f"/document-stores/{ids['store_id']}/documents"
        documents = owner.get(path).json()
        if not documents:
            owner.post(path, files={"files": ("a.md", b"# A\n\nText.")})
            documents = owner.get(path).json()
        ids["document_id"] = documents[0]["id"]


@pytest.fixture(scope="module")
def sandbox(serve: Callable[..., Running]) -> Sandbox:
    """Return a server of this module's own."""
    return Sandbox(serve())


def run(operation: str, sandbox: Sandbox, number: int, *, begin: int | None) -> None:
    """Call one operation with data that fits its description and with data that does not."""
    found = described(operation)
    names = set(re.findall(r"{(\w+)}", found.path))
    checks = [*CHECKS, negative_data_rejection] if operation in STRICT else CHECKS
    modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    cases = modes.flatmap(lambda mode: found.as_strategy(generation_mode=mode))
    headers = {"Authorization": f"Bearer {sandbox.owner.token}"}

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, real=st.booleans())
    def each(case: Any, real: bool) -> None:
        given_names = {name for name, value in (case.path_parameters or {}).items() if str(value).strip("./")}
        assume(given_names == names)  # else it is another path
        if real and case.path_parameters:
            sandbox.refresh()
            case.path_parameters.update(
                {name: sandbox.ids[name] for name in case.path_parameters if name in sandbox.ids}
            )
        if case.path.endswith("/changes"):
            case.query = {**(case.query or {}), "follow": "false"}  # else it does not end
        response = case.call(base_url=sandbox.server.url, headers=headers)
        case.validate_response(response, checks=checks)

    (each if begin is None else seed(begin)(each))()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_does_what_its_description_says(operation: str, sandbox: Sandbox) -> None:
    """No 500, no status, content type or schema that the description does not name, whatever is sent."""
    run(operation, sandbox, examples(20, of=5), begin=1)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_does_it_for_long(operation: str, sandbox: Sandbox) -> None:
    """The same with many more calls, and others each time."""
    run(operation, sandbox, 600, begin=None)


def test_a_stream_is_described_as_one(sandbox: Sandbox) -> None:
    """The same operation answers with JSON and with events; both are in the description."""
    sandbox.refresh()
    for streaming in (False, True):
        body = {"question": "Hello", "streaming": streaming}
        ids = {"chatflow_id": sandbox.ids["chatflow_id"]}
        case = described("POST /api/v1/prediction/{chatflow_id}").Case(
            path_parameters=ids, body=body, media_type="application/json"
        )
        response = case.call(base_url=sandbox.server.url)
        assert response.status_code == 200
        case.validate_response(response, checks=CHECKS)
