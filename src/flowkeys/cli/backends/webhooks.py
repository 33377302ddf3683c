"""Webhooks, as both backends have them."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import UnsetType

from flowkeys.cli.backends.part import Json, Listed, Part, listed, slice_of
from flowkeys.service.webhooks.input import WebhookPatch


class Webhooks(Protocol):
    """What commands do with webhooks; things come back in their wire form."""

    def create(self, new: WebhookPatch) -> Json:
        """Make a webhook; one of the answers with a secret."""
        ...

    def get(self, webhook_id: str) -> Json:
        """Return a webhook."""
        ...

    def all(self) -> list[Json]:
        """Return every webhook, newest first."""
        ...

    def update(self, webhook_id: str, patch: WebhookPatch) -> Json:
        """Change what the patch names."""
        ...

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook with its log."""
        ...

    def replace_secret(self, webhook_id: str, grace_seconds: int) -> Json:
        """Give a webhook another secret, which is in this answer alone."""
        ...

    def test(self, webhook_id: str) -> Json:
        """Send a test event."""
        ...

    def deliveries(self, webhook_id: str, status: str | None, part: Part) -> Listed:
        """Return what was sent, newest first."""
        ...

    def resend(self, webhook_id: str, delivery_id: str) -> Json:
        """Send an event once more."""
        ...


class LocalWebhooks:
    """Implements `Webhooks` by calling the services. What is sent, a running server sends."""

    def __init__(self, run: Callable[[Any], Any], service: Any, caller: Any) -> None:
        """Run coroutines of `service`, a `WebhookService`, with `run`, as `caller`."""
        self._run = run
        self._service = service
        self._caller = caller

    def create(self, new: WebhookPatch) -> Json:
        """Make a webhook."""
        return self._shown("made_webhook", self._service.create(self._caller, new))

    def get(self, webhook_id: str) -> Json:
        """Return a webhook."""
        return self._shown("webhook", self._service.get(self._caller, webhook_id))

    def all(self) -> list[Json]:
        """Return every webhook."""
        return [_wire().webhook(item) for item in self._run(self._service.all(self._caller))]

    def update(self, webhook_id: str, patch: WebhookPatch) -> Json:
        """Change a webhook."""
        return self._shown("webhook", self._service.update(self._caller, webhook_id, patch))

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook."""
        self._run(self._service.delete(self._caller, webhook_id))

    def replace_secret(self, webhook_id: str, grace_seconds: int) -> Json:
        """Give a webhook another secret."""
        work = self._service.replace_secret(self._caller, webhook_id, grace_seconds)
        return self._shown("made_webhook", work)

    def test(self, webhook_id: str) -> Json:
        """Send a test event."""
        return self._shown("delivery", self._service.deliveries.test(self._caller, webhook_id))

    def deliveries(self, webhook_id: str, status: str | None, part: Part) -> Listed:
        """Return what was sent."""
        from flowkeys.domain.webhooks.webhook import Outcome

        limit, offset = slice_of(part)
        outcome = None if status is None else Outcome(status)
        work = self._service.deliveries.page(self._caller, webhook_id, outcome, limit, offset)
        found, total = self._run(work)
        return listed(part, [_wire().delivery(item) for item in found], total)

    def resend(self, webhook_id: str, delivery_id: str) -> Json:
        """Send an event once more."""
        work = self._service.deliveries.resend(self._caller, webhook_id, delivery_id)
        return self._shown("delivery", work)

    def _shown(self, what: str, work: Any) -> Json:
        shown: Json = getattr(_wire(), what)(self._run(work))
        return shown


class RemoteWebhooks:
    """Implements `Webhooks` by calling the API."""

    def __init__(self, call: Callable[..., Any]) -> None:
        """Call the API with `call`."""
        self._call = call

    def create(self, new: WebhookPatch) -> Json:
        """Make a webhook."""
        return self._json("POST", body=_body(new))

    def get(self, webhook_id: str) -> Json:
        """Return a webhook."""
        return self._json("GET", webhook_id)

    def all(self) -> list[Json]:
        """Return every webhook."""
        from flowkeys.client.call import path

        found: list[Json] = self._call("GET", path("webhooks"))
        return found

    def update(self, webhook_id: str, patch: WebhookPatch) -> Json:
        """Change a webhook."""
        return self._json("PUT", webhook_id, body=_body(patch))

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook."""
        self._json("DELETE", webhook_id)

    def replace_secret(self, webhook_id: str, grace_seconds: int) -> Json:
        """Give a webhook another secret."""
        return self._json("POST", webhook_id, "replace-secret", body={"graceSeconds": grace_seconds})

    def test(self, webhook_id: str) -> Json:
        """Send a test event."""
        return self._json("POST", webhook_id, "test")

    def deliveries(self, webhook_id: str, status: str | None, part: Part) -> Listed:
        """Return what was sent."""
        from flowkeys.client.call import path, query

        params = query(status=status, page=part.page, limit=part.limit)
        found: Listed = self._call("GET", path("webhooks", webhook_id, "deliveries"), params=params)
        return found

    def resend(self, webhook_id: str, delivery_id: str) -> Json:
        """Send an event once more."""
        return self._json("POST", webhook_id, "deliveries", delivery_id, "resend")

    def _json(self, method: str, *where: str, body: Any = msgspec.UNSET) -> Json:
        from flowkeys.client.call import path

        answer: Json = self._call(method, path("webhooks", *where), body=body)
        return answer


def _wire() -> Any:
    from flowkeys.web.schemas import webhook_json

    return webhook_json


def _body(patch: WebhookPatch) -> Json:
    values = {name: getattr(patch, name) for name in patch.__struct_fields__}
    return {name: value for name, value in values.items() if not isinstance(value, UnsetType)}
