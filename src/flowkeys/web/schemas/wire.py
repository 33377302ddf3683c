"""The two bases of all schemas: names are camelCase on the wire."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Out(BaseModel):
    """Something that is sent."""

    model_config = ConfigDict(alias_generator=to_camel)


class In(BaseModel):
    """Something that is received: types are exact, and an unknown member is refused by its name."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)

    def given(self) -> dict[str, object]:
        """Return the members that were sent, by their Python names."""
        return {name: getattr(self, name) for name in self.model_fields_set}
