"""The closed list of permission names, which are Flowise's, and what holding some of them means."""

from collections.abc import Iterable
from typing import Final

PermissionSet = frozenset[str]

ALL: Final = "*"
"""Everything but predictions, which bindings alone open. Only who holds it can grant it."""

_FLOW_VERBS: Final = (
    "view", "create", "update", "duplicate", "delete", "export", "import", "config", "domains",
)  # fmt: skip

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "chatflows": _FLOW_VERBS,
    "agentflows": _FLOW_VERBS,
    "tools": ("view", "create", "update", "delete", "export"),
    "assistants": ("view", "create", "update", "delete"),
    "credentials": ("view", "create", "update", "delete", "share"),
    "variables": ("view", "create", "update", "delete"),
    "apikeys": ("view", "create", "update", "delete"),
    "customers": ("view", "create", "update", "delete"),
    "documentStores": (
        "view", "create", "update", "delete",
        "add-loader", "delete-loader", "preview-process", "upsert-config",
    ),
    "datasets": ("view", "create", "update", "delete"),
    "evaluators": ("view", "create", "update", "delete"),
    "evaluations": ("view", "create", "update", "delete", "run"),
    "executions": ("view", "update", "delete"),
    "templates": ("marketplace", "custom", "custom-delete", "toolexport", "flowexport", "custom-share"),
    "workspace": ("view", "create", "update", "add-user", "unlink-user", "delete", "export", "import"),
    "policy": ("view", "update"),
    "users": ("manage",),
    "roles": ("manage",),
    "sso": ("manage",),
    "logs": ("view",),
    "loginActivity": ("view",),
    "audit": ("view",),
    "webhooks": ("view", "create", "update", "delete"),
}  # fmt: skip

KNOWN: Final = frozenset({ALL} | {f"{group}:{verb}" for group, verbs in GROUPS.items() for verb in verbs})


def unknown(names: Iterable[str]) -> list[str]:
    """Return the names that are not permissions, sorted."""
    return sorted(set(names) - KNOWN)


def covers(held: PermissionSet, wanted: Iterable[str]) -> bool:
    """Tell whether `held` contains all of `wanted`: the ceiling of every write to a key."""
    return ALL in held or held.issuperset(wanted)


def with_implied_views(names: Iterable[str], held: PermissionSet) -> PermissionSet:
    """Return the names and, for each of their groups, its ``view``: nobody changes what they cannot see.

    Of these only what `held` covers, so that whoever gives them gives nothing that they lack.
    """
    given = frozenset(names)
    views = {f"{name.partition(':')[0]}:view" for name in given if name != ALL}
    return given | {name for name in views & KNOWN if covers(held, (name,))}
