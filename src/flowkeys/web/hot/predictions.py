"""``POST /api/v1/prediction/{id}``: who is refused is refused here, before a byte of the body is read."""

import re
from typing import Final

from flowkeys.domain.keys.decision import Denied
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.predictions.run import Grant
from flowkeys.web.errors import Problem
from flowkeys.web.hot.call import Call, Refuser, of_failure, read_head
from flowkeys.web.hot.reply import Reply
from flowkeys.web.predictions.prediction import ROUTE

PREFIX: Final = b"/api/v1/prediction/"
_PLAIN: Final = re.compile(rb"/api/v1/prediction/([0-9A-Za-z-]{1,64})")


class PredictionCalls:
    """Decides who may run a chatflow."""

    __slots__ = ("_predictor", "_refuser")

    def __init__(self, predictor: Predictor, refuser: Refuser) -> None:
        self._predictor = predictor
        self._refuser = refuser

    def answer(self, call: Call) -> Reply | Grant | None:
        """Return a refusal, or what was granted, or None: then it is decided further in."""
        plain = _PLAIN.fullmatch(call.target)
        if plain is None or b"fl-" in call.target:  # a token in the URL is the gate's to refuse
            return None
        try:
            credential = read_head(call)
            if isinstance(credential, Problem):
                return self._refuser.refuse(call, ROUTE, credential)
            found = self._predictor.authorize_at_once(plain[1].decode("ascii"), credential)
            return self._refuser.refuse(call, ROUTE, found) if isinstance(found, Denied) else found
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            return self._refuser.refuse(call, ROUTE, of_failure(error, call))
