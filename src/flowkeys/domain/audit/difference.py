"""What an entry of the audit log says was changed, field by field."""

from typing import Any, Final

import msgspec

NOTHING: Final = "none"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A field that is not as it was."""

    field: str
    before: tuple[str, ...] = ()
    """What it was; of a list only what was taken out."""
    after: tuple[str, ...] = ()
    """What it is; of a list only what was put in."""
    is_list: bool = False

    def __str__(self) -> str:
        """Return it in a line."""
        if self.is_list:
            parts = [f"+{item}" for item in self.after] + [f"-{item}" for item in self.before]
            return f"{self.field}: {' '.join(parts)}"
        after = ", ".join(self.after) or NOTHING
        return (
            f"{self.field}: {', '.join(self.before)} → {after}" if self.before else f"{self.field}: {after}"
        )


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    """Return the fields that differ; what is empty and was not there before is no difference."""
    old, new = before or {}, after or {}
    found = []
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name), new.get(name)
        if was == now or (_is_empty(was) and _is_empty(now)):
            continue
        if isinstance(was, list) and isinstance(now, list):
            out = tuple(_text(item) for item in was if item not in now)
            put = tuple(_text(item) for item in now if item not in was)
            if out or put:  # else it is in another order
                found.append(Difference(field=name, before=out, after=put, is_list=True))
        else:
            found.append(Difference(field=name, before=_texts(was), after=_texts(now)))
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _texts(value: Any) -> tuple[str, ...]:
    if _is_empty(value):
        return ()
    return tuple(_text(item) for item in value) if isinstance(value, list) else (_text(value),)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
