"""What commands do with the policy of the workspace: on this machine."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from flowkeys.cli.backends.backend import Json
from flowkeys.domain.keys.policy import Policy
from flowkeys.domain.principal import Caller
from flowkeys.service.keys.policies import Policies
from flowkeys.web import render


class LocalPolicies:
    """Implements `PolicyBackend` by calling the service."""

    def __init__(
        self, run: Callable[[Coroutine[Any, Any, Any]], Any], policies: Policies, caller: Caller
    ) -> None:
        self._run = run
        self._policies = policies
        self._caller = caller

    def get(self) -> Json:
        """Return the policy."""
        return render.policy(self._run(self._policies.get(self._caller)))

    def update(self, changes: Json) -> Json:
        """Change what is given of it."""

        def change(current: Policy) -> Policy:
            return msgspec.structs.replace(current, **changes)

        return render.policy(self._run(self._policies.update(self._caller, change)))

    def check(self) -> Json:
        """Name what does not keep to it."""
        from flowkeys import bootstrap

        return render.policy_check(self._run(self._policies.check(self._caller)), bootstrap.clock())
