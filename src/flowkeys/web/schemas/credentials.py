"""Credentials on the wire."""

from typing import Any

from pydantic import Field

from flowkeys.domain.chatflows.credential import KINDS, Credential
from flowkeys.domain.times import to_iso
from flowkeys.service.flows.credentials import UsedCredential
from flowkeys.web import render
from flowkeys.web.render import Json
from flowkeys.web.schemas.keys import CreatorOut
from flowkeys.web.schemas.wire import In, Out

_READ_ONLY = "Accepted only when it equals the current value, so that a whole credential can be put back."


class CredentialFields(In):
    """The members that may be written."""

    name: str = Field(default="", description="What chatflows name it by; no two have the same.")
    base_url: str = Field(
        default="",
        description="The only base URL that it is sent to: a public address, unless the operator listed it. "
        "When it is changed, what the credential holds has to be given anew.",
    )
    plain_data_obj: dict[str, Any] = Field(
        default={}, description="What it holds, by Flowise's names: all of it. It is never returned."
    )


class CredentialCreate(CredentialFields):
    """A credential to be made."""

    name: str = Field(description="What chatflows name it by; no two have the same.", examples=["openai"])
    credential_name: str = Field(description=f"Its kind, one of: {', '.join(KINDS)}.", examples=["openAIApi"])
    plain_data_obj: dict[str, Any] = Field(
        description="What it holds, by Flowise's names: all of it. It is never returned.",
        examples=[{"openAIApiKey": "sk-…"}],
    )


class CredentialUpdate(CredentialFields):
    """What is to change of a credential, or the whole credential with some of it changed."""

    id: Any = Field(default=None, description=_READ_ONLY)
    credential_name: Any = Field(default=None, description=_READ_ONLY)
    problem: Any = Field(default=None, description=_READ_ONLY)
    created_date: Any = Field(default=None, description=_READ_ONLY)
    updated_date: Any = Field(default=None, description=_READ_ONLY)
    created_by: Any = Field(default=None, description=_READ_ONLY)
    workspace_id: Any = Field(default=None, description=_READ_ONLY)
    used_by: Any = Field(default=None, description="Passed over.")


class UseOut(Out):
    """A chatflow that names a credential."""

    id: str
    name: str


class CredentialOut(Out):
    """A credential, without what it holds."""

    id: str
    name: str
    credential_name: str = Field(description="Its kind, by Flowise's name.")
    base_url: str
    problem: str | None = Field(description="Why it cannot be used; null when it can.")
    created_date: str
    updated_date: str
    created_by: CreatorOut
    workspace_id: str


class UsedCredentialOut(CredentialOut):
    """A credential with the chatflows that name it."""

    used_by: list[UseOut]


def credential(item: Credential) -> Json:
    """Return a credential, without what it holds."""
    return {
        "id": item.id,
        "name": item.name,
        "credentialName": item.kind,
        "baseUrl": item.base_url,
        "problem": item.problem,
        "createdDate": to_iso(item.created_at),
        "updatedDate": to_iso(item.updated_at),
        "createdBy": render.creator(item.created_by),
        "workspaceId": item.workspace_id,
    }


def used_credential(item: UsedCredential) -> Json:
    """Return a credential with the chatflows that name it."""
    uses = [{"id": chatflow_id, "name": name} for chatflow_id, name in item.used_by]
    return {**credential(item.credential), "usedBy": uses}
