"""``/policy``: what the workspace asks of all its keys, and the keys that do not keep to it."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import Response

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.policy import Policy
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.keys.form import by_field
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

PATH: Final = "/policy"
_NUMBERS: Final = {
    "maxLifetimeDays": "max_lifetime_days",
    "rotateAfterDays": "rotate_after_days",
    "maxKeysPerPerson": "max_keys_per_person",
}
_DIGITS: Final = 9
_BETWEEN: Final = re.compile("[,;]")


@router.page("GET", PATH, needs="policy:view")
async def show_policy(call: PageCall) -> Response:
    """Show the policy, in a form for whoever may change it, and the keys that break it."""
    policy = await call.services.policies.get(call.caller)
    return await _page(call, _typed(policy), str(policy.version))


@router.page("POST", PATH, needs="policy:update")
async def save_policy(call: PageCall) -> Response:
    """Change the policy, if it is still as the form showed it."""
    sent = await call.form()
    typed = {name: sent.text(name).strip() for name in (*_NUMBERS, "allowedIps")}
    typed["expiryRequired"] = "yes" if sent.has("expiryRequired") else ""
    version = sent.text("version")

    def change(current: Policy) -> Policy:
        if str(current.version) != version:
            raise InvalidInput.of("version", "The policy was changed after you opened this form.")
        return msgspec.structs.replace(current, **_read(sent))

    try:
        await call.services.policies.update(call.caller, change)
    except InvalidInput as refused:
        return await _page(call, typed, version, by_field(refused.errors))
    return call.done(PATH, "The policy was saved.")


async def _page(
    call: PageCall, typed: Mapping[str, str], version: str, errors: Mapping[str, str] | None = None
) -> Response:
    check = await call.services.policies.check(call.caller) if call.may("apikeys:view") else None
    return call.render(
        "reports/policy.html",
        422 if errors else 200,
        title="Policy",
        typed=typed,
        version_shown=version,
        errors=errors or {},
        check=check,
        may_change=call.may("policy:update"),
        may_change_keys=call.may("apikeys:update"),
    )


def _typed(policy: Policy) -> dict[str, str]:
    """Return what stands in the fields of a form that nobody has changed yet."""
    numbers = {name: getattr(policy, field) for name, field in _NUMBERS.items()}
    return {
        **{name: "" if value is None else str(value) for name, value in numbers.items()},
        "expiryRequired": "yes" if policy.expiry_required else "",
        "allowedIps": "\n".join(policy.allowed_ips),
    }


def _read(sent: Form) -> dict[str, Any]:
    """Return what a form says of the policy.

    Raises:
        InvalidInput: naming each field in which no number stands.
    """
    numbers = {name: sent.text(name).strip() for name in _NUMBERS}
    wrong = [
        FieldError(name, "Give a whole number, or nothing for no limit.")
        for name, text in numbers.items()
        if text and not (text.isascii() and text.isdigit() and len(text) <= _DIGITS)
    ]
    if wrong:
        raise InvalidInput(*wrong)
    return {
        **{_NUMBERS[name]: int(text) if text else None for name, text in numbers.items()},
        "expiry_required": sent.has("expiryRequired"),
        "allowed_ips": tuple(_BETWEEN.sub(" ", sent.text("allowedIps")).split()),
    }
