"""Explaining a decision to whoever manages keys. Nothing is counted, and nothing of the token is kept."""

from flowkeys.domain.keys.bearer import UNKNOWN
from flowkeys.domain.keys.decision import AccessRequest
from flowkeys.domain.keys.explain import Explanation, Presented, explain
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.pasted import mistake
from flowkeys.domain.keys.token import Token
from flowkeys.domain.times import Clock
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.verification import ChatflowDirectory, Keys, UsageRecorder


class Explainer:
    """Says step by step why a token is good or refused."""

    def __init__(self, keys: Keys, directory: ChatflowDirectory, usage: UsageRecorder, clock: Clock) -> None:
        self._keys = keys
        self._directory = directory
        self._usage = usage
        self._clock = clock

    async def explain(self, text: str, request: AccessRequest, client: Client | None = None) -> Explanation:
        """Return the verifier's decision about `text` for `request` of `client`, with its steps.

        No use is counted.

        Raises:
            Unavailable: the store cannot be reached.
        """
        now = self._clock()
        token = Token.parse(text)
        if token is None:
            presented = Presented(None, mistake=mistake(text) or "")
            return Explanation(UNKNOWN, explain(presented, request, now, client), None)
        verifier = Verifier(self._keys, self._directory, self._usage, lambda: now)
        decision = await verifier.verify(token, request, client, counts=False)
        record = decision.record
        opens_to_all = False
        if record is not None and request.chatflow_id is not None:
            access = await self._directory.access(request.chatflow_id)
            opens_to_all = (
                access is not None and access.is_public and access.workspace_id == record.workspace_id
            )
        presented = Presented(token.hint, record, opens_to_all=opens_to_all)
        return Explanation(decision, explain(presented, request, now, client), token.hint)
