"""What goes wrong on the way to a model, in words."""

import ssl

from flowkeys.flows.models.failures import ModelError


def unconnected(error: Exception, where: str) -> ModelError:
    """Return the failure of a call for which there was no connection; `where` is the host and port."""
    from flowkeys.outbound.connecting import AddressRefusedError

    if isinstance(error, AddressRefusedError):
        return ModelError("the model's endpoint is not at a public address.")
    if isinstance(error, TimeoutError):
        what = "could not be reached: there was no connection in time."
    elif isinstance(error, ssl.SSLError):
        what = "could not be reached: its TLS certificate was not accepted."
    else:
        what = "could not be reached."
    may_pass = not isinstance(error, ssl.SSLError | TimeoutError)
    return ModelError(f"the model's endpoint {what}", reason=f"{where}: {in_words(error)}", may_pass=may_pass)


def unanswered(error: Exception, seconds: float) -> ModelError:
    """Return the failure of a call that was made, and not answered at all."""
    from flowkeys.outbound.http.connection import NotHttpError

    if isinstance(error, TimeoutError):
        return late(seconds, in_the_middle=False)
    if isinstance(error, NotHttpError):
        what = "answered something that is not HTTP."
    else:
        what = "closed the connection without an answer."
    return ModelError(f"the model's endpoint {what}", reason=in_words(error))


def late(seconds: float, *, in_the_middle: bool) -> ModelError:
    """Return the failure of an answer that does not come, or does not go on."""
    if in_the_middle:
        return ModelError(
            f"the model's endpoint did not answer in time: silent for {seconds:g} seconds within its answer."
        )
    return ModelError(f"the model's endpoint did not answer in time: nothing came for {seconds:g} seconds.")


def in_words(error: BaseException) -> str:
    """Return what an exception says, for the log."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
