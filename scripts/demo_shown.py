"""A page that is photographed and swept."""

from dataclasses import dataclass

from scripts.demo_steps import Step


@dataclass(frozen=True)
class Shown:
    """One page: its path (names in braces are filled in from the data), and what to do there first."""

    name: str
    path: str
    template: str
    """What it is made from."""
    then: Step | None = None
    role: str | None = "owner"
    """Who looks: a role, ``newcomer`` for the owner of an empty workspace, or nobody."""
    status: int = 200
    refused: int = 0
    """The status by which what is done there is refused, if it is."""
    on_empty: bool = False
    """On a server that nobody has used yet."""
