"""``/variables`` and what is below it: variables are made, changed and deleted."""

from collections.abc import Mapping

import msgspec
from fastapi import Response

from flowkeys.domain.chatflows.variable import Variable
from flowkeys.domain.errors import AlreadySent, InvalidInput
from flowkeys.service.flows.variables import DELETE, UPDATE, VariablePatch
from flowkeys.service.forms.once import issue
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


class VariableForm(msgspec.Struct, frozen=True):
    """What a person has typed so far."""

    name: str = ""
    type: str = "static"
    value: str = ""

    @classmethod
    def of(cls, sent: Form) -> "VariableForm":
        """Return the form that was sent."""
        return cls(sent.text("name"), sent.text("type") or "static", sent.text("value"))

    def patch(self) -> VariablePatch:
        """Return it as what is to change."""
        return VariablePatch(name=self.name, type=self.type, value=self.value)


@router.page("GET", "/variables", needs="variables:view")
async def variables(call: PageCall) -> Response:
    """Show the workspace's variables, by name."""
    service = call.services.variables
    found = [(item, service.state(item)) for item in await service.all(call.caller)]
    return call.render("flows/variables/list.html", title="Variables", variables=found)


@router.page("GET", "/variables/new", needs="variables:create")
async def new_variable(call: PageCall) -> Response:
    """Ask for a name and a value."""
    return _form(call, VariableForm(), once=issue(call.services.clock))


@router.page("POST", "/variables/new", needs="variables:create")
async def create_variable(call: PageCall) -> Response:
    """Make the variable."""
    sent = await call.form()
    form, once = VariableForm.of(sent), sent.text("form")
    try:
        await call.services.variables.create(call.caller, form.patch(), once)
    except InvalidInput as refused:
        errors = {item.field: item.message for item in refused.errors}
        return _form(call, form, errors, once=issue(call.services.clock) if "form" in errors else once)
    except AlreadySent:
        return _done(call, "This form was sent before: no second variable was made.")
    return _done(call, "The variable was created.")


@router.page("GET", "/variables/{variable_id}/edit", needs="variables:update")
async def edit_variable(variable_id: str, call: PageCall) -> Response:
    """Show the form as the variable is now."""
    item = await call.services.variables.get(call.caller, variable_id, permission=UPDATE)
    form = VariableForm(item.name, item.type.value, item.value)
    return _form(call, form, variable_id=item.id, version=str(item.version))


@router.page("POST", "/variables/{variable_id}/edit", needs="variables:update")
async def save_variable(variable_id: str, call: PageCall) -> Response:
    """Change the variable, if it is still as the form showed it."""
    sent = await call.form()
    form, version = VariableForm.of(sent), sent.text("version")

    def expect(current: Variable) -> None:
        if str(current.version) != version:
            message = "This variable was changed after you opened this form. Open it again."
            raise InvalidInput.of("version", message)

    try:
        await call.services.variables.update(call.caller, variable_id, form.patch(), expect)
    except InvalidInput as refused:
        errors = {item.field: item.message for item in refused.errors}
        return _form(call, form, errors, variable_id=variable_id, version=version)
    return _done(call, "The variable was saved.")


@router.page("GET", "/variables/{variable_id}/delete", needs="variables:delete")
async def ask_to_delete(variable_id: str, call: PageCall) -> Response:
    """Say what deleting does."""
    item = await call.services.variables.get(call.caller, variable_id, permission=DELETE)
    return call.render("flows/variables/delete.html", title="Delete a variable", variable=item)


@router.page("POST", "/variables/{variable_id}/delete", needs="variables:delete")
async def delete_variable(variable_id: str, call: PageCall) -> Response:
    """Delete the variable."""
    await call.form()
    await call.services.variables.delete(call.caller, variable_id)
    return _done(call, "The variable was deleted.")


def _form(
    call: PageCall,
    form: VariableForm,
    errors: Mapping[str, str] | None = None,
    *,
    once: str = "",
    variable_id: str = "",
    version: str = "",
) -> Response:
    return call.render(
        "flows/variables/form.html",
        422 if errors else 200,
        title="Edit a variable" if variable_id else "Create a variable",
        form=form,
        once=once,
        errors=errors or {},
        variable_id=variable_id,
        version_shown=version,
    )


def _done(call: PageCall, message: str) -> Response:
    return call.done("/variables" if call.may("variables:view") else "/", message)
