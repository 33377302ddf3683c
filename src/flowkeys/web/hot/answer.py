"""The hot routes together: which of them a request is for."""

from typing import Final

from flowkeys.service.verifier import Verifier
from flowkeys.web.hot.call import Refuser
from flowkeys.web.hot.forward_auth import ForwardAuth

PREFIXES: Final = (b"/api/v1/a", b"/api/v1/p")
"""No hot route begins otherwise."""


class Hot:
    """Every hot route."""

    __slots__ = ("forward_auth",)

    def __init__(self, verifier: Verifier, refuser: Refuser) -> None:
        self.forward_auth = ForwardAuth(verifier, refuser)
