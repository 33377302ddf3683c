"""The routes that are open without a credential: the whole list, but for public chatflows' predictions."""

import uuid
from typing import Any

import msgspec
from fastapi import Response
from fastapi.responses import PlainTextResponse

from flowkeys.domain.errors import NotFound, Unavailable
from flowkeys.web.predictions.prediction import cors
from flowkeys.web.routes import OPEN, GuardedRouter, json_response
from flowkeys.web.schemas.chatflows import PublicConfigOut, StreamingOut
from flowkeys.web.schemas.open import HealthOut, VersionOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Open"])

_DISPLAY = ("starterPrompts", "theme", "welcomeMessage", "title", "followUpPrompts", "chatFeedback", "footer")
_ANYWHERE = {"Access-Control-Allow-Origin": "*"}


@router.on("GET", "/ping", needs=OPEN, answers=str, response_class=PlainTextResponse)
async def ping() -> Response:
    """Answer `pong` when the server is ready."""
    return PlainTextResponse("pong")


@router.on("GET", "/version", needs=OPEN, answers=VersionOut)
async def version(call: Call) -> Response:
    """Return the version of this server."""
    return json_response({"version": call.services.version})


@router.on("GET", "/health", needs=OPEN, answers=HealthOut)
async def health(call: Call) -> Response:
    """Say whether the store answers and takes changes; 503 when it does not, on a full disk for example.

    Keys that are known are verified all the same; whether the server is up at all, `ping` says. `limits` says
    how several processes count: `shared`, in Valkey, or while that is away, or where there is none, each by
    itself (`per-process`), or not at all (`refused`).
    """
    await call.services.directory.access(str(uuid.UUID(int=0)))
    await call.services.check_writes()
    limits = call.services.limits()
    return json_response({"status": "ok"} if limits is None else {"status": "ok", "limits": limits})


@router.on("GET", "/health/live", needs=OPEN, answers=HealthOut)
async def live() -> Response:
    """Say that the process answers. Who gets no answer from it may start it anew."""
    return json_response({"status": "ok"})


@router.on("GET", "/health/ready", needs=OPEN, answers=HealthOut)
async def ready(call: Call) -> Response:
    """Say whether calls may be sent here: 503 from when the server is told to stop.

    The store is not asked. All servers share it, and when it is away they still verify the keys that they
    know: whoever took all of them away for that would make it worse.
    """
    if call.services.leaving.is_set():
        raise Unavailable("The server is stopping.")
    return json_response({"status": "ok"})


@router.on(
    "GET", "/chatflows-streaming/{chatflow_id}", needs=OPEN, answers=StreamingOut, errors=("not_found",)
)
async def is_streaming(chatflow_id: str) -> Response:
    """Say that a chatflow can stream: the same for any id, so that it tells nothing."""
    try:
        uuid.UUID(chatflow_id)
    except ValueError:
        raise NotFound("chatflow") from None
    return json_response({"isStreaming": True}, headers=_ANYWHERE)


@router.on(
    "GET",
    "/public-chatbotConfig/{chatflow_id}",
    needs=OPEN,
    answers=PublicConfigOut,
    errors=("not_found",),
)
async def public_config(chatflow_id: str, call: Call) -> Response:
    """Return what the widget shows of a public chatflow. Any other is not found.

    Pages of other sites may read it, of its allowed origins only if it has any.
    """
    access = await call.services.directory.access(chatflow_id)
    chatflow = await call.services.directory.load(chatflow_id) if access and access.is_public else None
    if access is None or chatflow is None:
        raise NotFound("chatflow")
    config: dict[str, Any] = msgspec.json.decode(chatflow.chatbot_config) if chatflow.chatbot_config else {}
    shown = {name: config[name] for name in _DISPLAY if name in config}
    body = {**shown, "uploads": {"isImageUploadAllowed": False, "isSpeechToTextEnabled": False}}
    allowed = {name.decode(): value.decode("latin-1") for name, value in cors(access, call.scope["headers"])}
    return json_response({**body, "flowData": "{}"}, headers=allowed)
