"""``/chatflows/{id}/limits``: how often it may be called, by all together and by each address; from where.

The rate of an address and the allowed origins are kept where Flowise keeps them, in ``apiConfig`` and
``chatbotConfig``, of which everything else stays as it is.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import Response

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.chatflows.visitors import canonical_origin
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.limits.rate import MAX_CALLS, MAX_WINDOW_SECONDS, RateLimit
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.chatflows.reader import CheckedChatflow
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.limits.rates import LimitRows
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_MESSAGE_LENGTH: Final = 1000
_SHOWN: Final = (
    "addressCalls",
    "addressSeconds",
    "addressMessage",
    "origins",
    "originsMessage",
    "rateLimits",
)
_NUMBER_LENGTH: Final = 12


class ChatflowLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has typed so far."""

    limits: LimitRows
    by_address: bool
    calls: str = ""
    seconds: str = ""
    message: str = ""
    origins: str = ""
    """One on each line."""
    origins_message: str = ""

    @classmethod
    def of(cls, sent: Form) -> "ChatflowLimits":
        """Return the form that was sent."""
        return cls(
            limits=LimitRows.of(sent),
            by_address=sent.has("byAddress"),
            calls=sent.text("addressCalls").strip(),
            seconds=sent.text("addressSeconds").strip(),
            message=sent.text("addressMessage").strip(),
            origins=sent.text("origins"),
            origins_message=sent.text("originsMessage").strip(),
        )

    @classmethod
    def of_chatflow(cls, chatflow: Chatflow) -> "ChatflowLimits":
        """Return the form of a chatflow that nobody has changed yet."""
        rate, display = _rate(chatflow), _object(chatflow.chatbot_config)
        origins = display.get("allowedOrigins")
        texts = [one for one in origins if isinstance(one, str)] if isinstance(origins, list) else []
        return cls(
            limits=LimitRows.of_limits(chatflow.rate_limits),
            by_address=rate.get("status") is True,
            calls=_text(rate.get("limitMax")),
            seconds=_text(rate.get("limitDuration")),
            message=_text(rate.get("limitMsg")),
            origins="\n".join(one for one in texts if one.strip()),
            origins_message=_text(display.get("allowedOriginsError")),
        )

    def patch(self, chatflow: Chatflow) -> ChatflowPatch:
        """Return what the form changes.

        Raises:
            InvalidInput: naming all that is wrong.
        """
        errors: list[FieldError] = []
        rates: tuple[RateLimit, ...] = ()
        try:
            rates = self.limits.read()
        except InvalidInput as refused:
            errors += refused.errors
        calls = self._number("addressCalls", self.calls, MAX_CALLS, errors)
        seconds = self._number("addressSeconds", self.seconds, MAX_WINDOW_SECONDS, errors)
        origins = self.origins.split()
        if wrong := next((one for one in origins if canonical_origin(one) is None), None):
            message = f"Write addresses of sites, such as https://example.com. {wrong[:64]!r} is none."
            errors.append(FieldError("origins", message))
        for field, text in (("addressMessage", self.message), ("originsMessage", self.origins_message)):
            if len(text) > _MESSAGE_LENGTH:
                errors.append(FieldError(field, f"Give at most {_MESSAGE_LENGTH:,} characters."))
        if errors:
            raise InvalidInput(*errors)
        before = type(self).of_chatflow(chatflow)
        patch = ChatflowPatch(rate_limits=rates)
        if self.address_fields != before.address_fields:
            rate = {**_rate(chatflow), "status": self.by_address, "limitMsg": self.message}
            if self.by_address:
                rate |= {"limitMax": calls, "limitDuration": seconds}
            patch = msgspec.structs.replace(
                patch, api_config=_json({**_object(chatflow.api_config), "rateLimit": rate})
            )
        if (origins, self.origins_message) != (before.origins.split(), before.origins_message):
            display = _object(chatflow.chatbot_config) | {
                "allowedOrigins": origins,
                "allowedOriginsError": self.origins_message,
            }
            patch = msgspec.structs.replace(patch, chatbot_config=_json(display))
        return patch

    @property
    def address_fields(self) -> tuple[bool, str, str, str]:
        """What is typed about each address."""
        return self.by_address, self.calls, self.seconds, self.message

    def _number(self, field: str, text: str, most: int, errors: list[FieldError]) -> int:
        if not self.by_address:
            return 0
        fits = text.isascii() and text.isdigit() and len(text) <= _NUMBER_LENGTH
        if fits and 1 <= int(text) <= most:
            return int(text)
        errors.append(FieldError(field, f"Give a whole number from 1 to {most:,}."))
        return 0


@router.page("GET", "/chatflows/{chatflow_id}/limits", needs="chatflows:update")
async def show_limits(chatflow_id: str, call: PageCall) -> Response:
    """Show the form as the chatflow is now."""
    chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
    return _form(call, chatflow, ChatflowLimits.of_chatflow(chatflow), str(chatflow.version))


@router.page("POST", "/chatflows/{chatflow_id}/limits", needs="chatflows:update")
async def save_limits(chatflow_id: str, call: PageCall) -> Response:
    """Change them, if the chatflow is still as the form showed it."""
    sent = await call.form()
    form, version = ChatflowLimits.of(sent), sent.text("version")
    chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
    if form.limits.is_longer:
        return _form(call, chatflow, form, version)

    def expect(current: CheckedChatflow) -> None:
        if str(current.chatflow.version) != version:
            message = "The chatflow was changed after you opened this form. Open it again."
            raise InvalidInput.of("version", message)

    try:
        saved = await call.services.chatflows.update(call.caller, chatflow_id, form.patch(chatflow), expect)
    except InvalidInput as refused:
        errors = {error.field: error.message for error in refused.errors}
        return _form(call, chatflow, form, version, errors)
    return call.done(f"/chatflows/{chatflow_id}", f"The limits of “{saved.chatflow.name}” were saved.")


def _form(
    call: PageCall,
    chatflow: Chatflow,
    form: ChatflowLimits,
    version: str,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return call.render(
        "limits/chatflow.html",
        422 if errors else 200,
        title=f"Limits of {chatflow.name}",
        chatflow=chatflow,
        form=form,
        version_shown=version,
        errors=errors or {},
        fields=_SHOWN,
    )


def _object(text: str | None) -> dict[str, Any]:
    """Return a configuration; what cannot be read is replaced as a whole."""
    try:
        found = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _rate(chatflow: Chatflow) -> dict[str, Any]:
    found = _object(chatflow.api_config).get("rateLimit")
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    """Return a text, or a number, which Flowise writes both ways; nothing for anything else."""
    return str(value) if isinstance(value, str) or type(value) is int else ""


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode()
