"""Forms that are sent once: a form carries a random value, and what it makes is made for that value once.

A form reaches the server twice more often than people think: a double click, the button for going back, a
page that is loaded again, an answer that was lost. The value is spent in the transaction that makes the
thing, so that two sends at once make one thing, and a send that was refused has spent nothing.
"""

import hashlib
import re
import secrets
from typing import Final

from flowkeys.domain.errors import AlreadySent, InvalidInput
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import SECOND, Clock
from flowkeys.service.ports.people import SentForm
from flowkeys.service.ports.store import Transaction

GOOD_FOR: Final = 12 * 3600 * SECOND
"""How long a form can be sent after it was shown, in microseconds."""
KEPT_FOR: Final = 2 * GOOD_FOR
"""How long a spent value is remembered, in microseconds: longer than it could be sent again."""
_AHEAD: Final = 60 * SECOND
"""How far a clock may have been set back since the form was shown."""

_SHAPE: Final = re.compile(r"([0-9]{1,16})\.[0-9A-Za-z_-]{24}")


def issue(clock: Clock) -> str:
    """Return the value for a form that is about to be shown: when that was, and 144 random bits."""
    return f"{clock()}.{secrets.token_urlsafe(18)}"


def spend(tx: Transaction, caller: Caller, once: str, subject_id: str, now: int) -> None:
    """Note that the form `once` made `subject_id`; call it in the transaction that makes it.

    The same value from another principal, or in another workspace, is another form.

    Raises:
        AlreadySent: the form made something already, which the exception names.
        InvalidInput: naming ``form``: this is no such value, or it is older than 12 hours.
    """
    match = _SHAPE.fullmatch(once)
    if match is None or not now - GOOD_FOR < int(match[1]) <= now + _AHEAD:
        raise InvalidInput.of("form", "This form is too old. Send it again.")
    form = SentForm(
        workspace_id=caller.workspace_id,
        principal_id=caller.principal.id or caller.principal.kind,
        digest=hashlib.sha256(once.encode()).hexdigest(),
        subject_id=subject_id,
        sent_at=now,
    )
    tx.sent_forms.forget(now - KEPT_FOR)
    made = tx.sent_forms.add(form)
    if made is not None:
        raise AlreadySent(made)
