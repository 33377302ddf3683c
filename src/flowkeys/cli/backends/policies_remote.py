"""What commands do with the policy of the workspace: over HTTP, whose client it loads."""

from typing import Any

import msgspec

from flowkeys.cli.backends.backend import Json
from flowkeys.client.call import Call, path
from flowkeys.client.sync import Client

_MEMBERS = {
    "max_lifetime_days": "maxLifetimeDays",
    "expiry_required": "expiryRequired",
    "rotate_after_days": "rotateAfterDays",
    "max_keys_per_person": "maxKeysPerPerson",
    "allowed_ips": "allowedIps",
}


class RemotePolicies:
    """Implements `PolicyBackend` by calling the API, whose answers it hands on as they are."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self) -> Json:
        """Return the policy."""
        return self._call("GET", path("policy"))

    def update(self, changes: Json) -> Json:
        """Change what is given of it."""
        return self._call("PUT", path("policy"), {_MEMBERS[name]: value for name, value in changes.items()})

    def check(self) -> Json:
        """Name what does not keep to it."""
        return self._call("GET", path("policy", "check"))

    def _call(self, method: str, where: str, body: Any = msgspec.UNSET) -> Json:
        answer: Json = self._client.run(
            Call(
                method=method,
                path=where,
                body=body,
                decode=lambda response: msgspec.json.decode(response.content),
            )
        )
        return answer
