"""The error body."""

from pydantic import Field

from flowkeys.web.schemas.wire import Out


class FieldErrorOut(Out):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemOut(Out):
    """A refusal or a failure (RFC 9457), with the members that Flowise's clients read."""

    type: str = Field(examples=["urn:flowkeys:problem:unknown_key"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable, for programs.", examples=["unknown_key"])
    request_id: str = Field(description="Also in the server's log, and in the header X-Request-Id.")
    errors: list[FieldErrorOut] = Field(default=[], description="Each wrong field.")
    missing_node_kinds: list[str] = Field(default=[], description="With `flow_not_runnable`.")
    status_code: int
    success: bool
    message: str
