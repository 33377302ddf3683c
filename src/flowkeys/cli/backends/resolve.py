"""Finding what a command names: by id, or by a name that only one thing has."""

import uuid
from collections.abc import Callable
from typing import Final

from flowkeys.cli.backends.backend import Backend, Json, KeyFilter, Listed, Part
from flowkeys.cli.backends.customers import CustomerFilter
from flowkeys.cli.failures import Ambiguous, Refusal

_PAGE: Final = 1000
_SHOWN: Final = 10
_SEARCHED: Final = 200
"""Characters of a name that a list is searched for at most."""


def is_id(text: str) -> bool:
    """Tell whether a text is an id, and not a name."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def key(backend: Backend, ref: str) -> Json:
    """Return the key that `ref` names; a revoked one only when no other has the name.

    Raises:
        Refusal: there is none.
        Ambiguous: several have the name; they are listed.
    """
    if is_id(ref):
        return backend.key(ref.lower())
    for status in (None, "revoked"):

        def pages(part: Part, status: str | None = status) -> Listed:
            return backend.keys(KeyFilter(search=ref[:_SEARCHED], status=status), part)

        found = _named(pages, "keyName", ref)
        if found:
            return _only(found, "key", ref, lambda item: f"{item['apiKey']}  {item['status']}")
    raise Refusal("not_found", f"There is no key {ref!r}. List them with: flowkeys keys list")


def customer(backend: Backend, ref: str) -> Json:
    """Return the customer that `ref` names: by its id, its external id, or its name.

    Raises:
        Refusal: there is none.
        Ambiguous: several have the name; they are listed.
    """
    if is_id(ref):
        return backend.customers.get(ref.lower())
    known = backend.customers.page(CustomerFilter(external_id=ref[:_SEARCHED], status="all"), Part())
    if known:
        assert isinstance(known, list)  # no page was asked for
        return known[0]
    for status in (None, "revoked"):

        def pages(part: Part, status: str | None = status) -> Listed:
            return backend.customers.page(CustomerFilter(search=ref[:_SEARCHED], status=status), part)

        found = _named(pages, "name", ref)
        if found:
            return _only(
                found, "customer", ref, lambda item: f"{item['externalId'] or '-'}  {item['status']}"
            )
    raise Refusal("not_found", f"There is no customer {ref!r}. List them with: flowkeys customers list")


def customer_id(backend: Backend, ref: str) -> str:
    """Return the id of the customer that `ref` names; an id is taken as it is."""
    return ref.lower() if is_id(ref) else str(customer(backend, ref)["id"])


def flow(backend: Backend, ref: str) -> Json:
    """Return the chatflow that `ref` names.

    Raises:
        Refusal: there is none.
        Ambiguous: several have the name; they are listed.
    """
    if is_id(ref):
        return backend.chatflow(ref.lower())
    found = flows_named(backend, ref)
    if not found:
        raise Refusal("not_found", f"There is no chatflow {ref!r}. List them with: flowkeys flows list")
    return _only(found, "chatflow", ref, lambda item: item["type"])


def key_id(backend: Backend, ref: str) -> str:
    """Return the id of the key that `ref` names; an id is taken as it is, for a caller who may not look."""
    return ref.lower() if is_id(ref) else str(key(backend, ref)["id"])


def flow_id(backend: Backend, ref: str) -> str:
    """Return the id of the chatflow that `ref` names; an id is taken as it is."""
    return ref.lower() if is_id(ref) else str(flow(backend, ref)["id"])


def flows_named(backend: Backend, name: str) -> list[Json]:
    """Return the chatflows of exactly this name."""
    return _named(lambda part: backend.chatflows(name[:_SEARCHED], part), "name", name)


def _named(pages: Callable[[Part], Listed], member: str, name: str) -> list[Json]:
    """Return the items of exactly this name, out of those that contain it."""
    found: list[Json] = []
    number, seen = 1, 0
    while True:
        page = pages(Part(page=number, limit=_PAGE))
        assert isinstance(page, dict)  # a page was asked for
        found += [item for item in page["data"] if item[member] == name.strip()]
        seen += len(page["data"])
        if not page["data"] or seen >= page["total"]:
            return found
        number += 1


def _only(found: list[Json], what: str, name: str, about: Callable[[Json], str]) -> Json:
    if len(found) == 1:
        return found[0]
    lines = [
        f"  {item['id']}  {about(item)}  made {item.get('createdDate') or item['createdAt']}"
        for item in found[:_SHOWN]
    ]
    more = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    text = "\n".join([f"There are {len(found)} {what}s named {name!r}. Give an id:", *lines, *more])
    raise Ambiguous(text)
