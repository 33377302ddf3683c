"""The hot routes together."""

from typing import Final

from flowkeys.domain.keys.header import KeyHeader
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.web.hot.call import Refuser
from flowkeys.web.hot.forward_auth import ForwardAuth
from flowkeys.web.hot.predictions import PredictionCalls
from flowkeys.web.hot.verify import Verify

PREFIXES: Final = (b"/api/v1/a", b"/api/v1/p")
"""The target of a hot route begins with one of these; few others do."""
SHORT_BYTES: Final = 64 * 1024
"""A larger body is read by the framework. A hundred tokens take 4 KiB, a question seldom more."""


class Hot:
    """Every hot route."""

    __slots__ = ("forward_auth", "max_body_bytes", "path", "predictions", "proxies", "short_bytes", "verify")

    def __init__(
        self,
        verifier: Verifier,
        predictor: Predictor,
        refuser: Refuser,
        max_body_bytes: int,
        *,
        key_header: KeyHeader | None = None,
        path: str = "",
        hands_on: bool = False,
    ) -> None:
        """`max_body_bytes` is how much is read at most of a body that nobody needs.

        `key_header` is where forward-auth looks for keys, instead of in ``Authorization``; `path` is what
        targets may begin with, as proxies that do not take it off send them. With `hands_on` predictions
        that are let in are answered further in.
        """
        self.path = path.encode("ascii")
        self.proxies = refuser.proxies
        self.forward_auth = ForwardAuth(verifier, refuser, key_header)
        self.verify = Verify(verifier, refuser)
        self.predictions = PredictionCalls(predictor, refuser, hands_on=hands_on)
        self.max_body_bytes = max_body_bytes
        self.short_bytes = min(SHORT_BYTES, max_body_bytes)
        """Of a body that is read here."""
