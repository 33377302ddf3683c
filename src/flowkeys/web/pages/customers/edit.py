"""``/customers/new`` and ``/customers/{id}/edit``: the fields of a customer."""

from collections.abc import Mapping

import msgspec
from fastapi import Response

from flowkeys.domain.customers.customer import Customer
from flowkeys.domain.errors import AlreadySent, FieldError, InvalidInput
from flowkeys.domain.limits.quota import Quota
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.service.customers.input import CustomerPatch, NewCustomer, checked
from flowkeys.service.forms.once import issue
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.limits.quotas import QuotaRows
from flowkeys.web.pages.limits.rates import LimitRows
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


class CustomerForm(msgspec.Struct, frozen=True):
    """What a person has typed so far."""

    name: str = ""
    external_id: str = ""
    meta: str = ""
    """The operator's own, as JSON; nothing is an empty object."""
    limits: LimitRows = LimitRows()
    quotas: QuotaRows = QuotaRows()

    @property
    def is_longer(self) -> bool:
        """Whether one more limit or quota was asked for."""
        return self.limits.is_longer or self.quotas.is_longer

    @classmethod
    def of(cls, sent: Form) -> "CustomerForm":
        """Return the form that was sent."""
        texts = sent.text("name"), sent.text("externalId"), sent.text("meta")
        return cls(*texts, LimitRows.of(sent), QuotaRows.of(sent))

    @classmethod
    def of_customer(cls, customer: Customer) -> "CustomerForm":
        """Return the form of a customer that nobody has changed yet."""
        written = msgspec.json.format(msgspec.json.encode(customer.meta), indent=2).decode()
        return cls(
            customer.name,
            customer.external_id or "",
            written if customer.meta else "",
            LimitRows.of_limits(customer.rate_limits),
            QuotaRows.of_quotas(customer.quotas),
        )

    def read(self) -> tuple[dict[str, object], tuple[RateLimit, ...], tuple[Quota, ...]]:
        """Return the operator's own, the limits, and the quotas.

        Raises:
            InvalidInput: when ``meta`` is no JSON object, or ``rateLimits`` or ``quotas`` are none:
                naming all that is wrong.
        """
        errors: list[FieldError] = []
        meta: dict[str, object] = {}
        rates: tuple[RateLimit, ...] = ()
        quotas: tuple[Quota, ...] = ()
        try:
            meta = self._meta()
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            errors.append(FieldError("meta", 'Write a JSON object, such as {"plan": "gold"}.'))
        try:
            rates = self.limits.read()
        except InvalidInput as refused:
            errors += refused.errors
        try:
            quotas = self.quotas.read()
        except InvalidInput as refused:
            errors += refused.errors
        if errors:
            try:
                checked(CustomerPatch(name=self.name, external_id=self.external_id, meta=meta))
            except InvalidInput as refused:
                errors += refused.errors
            raise InvalidInput(*errors)
        return meta, rates, quotas

    def _meta(self) -> dict[str, object]:
        return msgspec.json.decode(self.meta, type=dict[str, object]) if self.meta.strip() else {}


@router.page("GET", "/customers/new", needs="customers:create")
async def new_customer(call: PageCall) -> Response:
    """Show an empty form."""
    return _form(call, CustomerForm(), issue(call.services.clock))


@router.page("POST", "/customers/new", needs="customers:create")
async def create_customer(call: PageCall) -> Response:
    """Make the customer; a form that was sent before makes nothing."""
    sent = await call.form()
    form, once = CustomerForm.of(sent), sent.text("form")
    if form.is_longer:
        return _form(call, form, once)
    try:
        meta, rates, quotas = form.read()
        new = NewCustomer(
            name=form.name, external_id=form.external_id, meta=meta, rate_limits=rates, quotas=quotas
        )
        made = await call.services.customers.create(call.caller, new, once)
    except InvalidInput as refused:
        errors = _by_field(refused)
        return _form(call, form, issue(call.services.clock) if "form" in errors else once, errors)
    except AlreadySent as before:
        return call.done(
            f"/customers/{before.subject_id}", "This form was sent before: nothing was made now."
        )
    return call.done(f"/customers/{made.id}", f"{made.name} was created. Give it keys.")


@router.page("GET", "/customers/{customer_id}/edit", needs="customers:update")
async def edit_customer(customer_id: str, call: PageCall) -> Response:
    """Show the form as the customer is now."""
    customer = await call.services.customers.get(call.caller, customer_id)
    return _form(call, CustomerForm.of_customer(customer), "", customer=customer, version=customer.version)


@router.page("POST", "/customers/{customer_id}/edit", needs="customers:update")
async def save_customer(customer_id: str, call: PageCall) -> Response:
    """Change the customer, if it is still as the form showed it."""
    sent = await call.form()
    form, version = CustomerForm.of(sent), sent.text("version")
    customer = await call.services.customers.get(call.caller, customer_id)
    if form.is_longer:
        return _form(call, form, "", customer=customer, version=version)

    def expect(current: Customer) -> None:
        if str(current.version) != version:
            message = "This customer was changed after you opened this form. Open it again."
            raise InvalidInput.of("version", message)

    try:
        meta, rates, quotas = form.read()
        patch = CustomerPatch(
            name=form.name, external_id=form.external_id, meta=meta, rate_limits=rates, quotas=quotas
        )
        saved = await call.services.customers.update(call.caller, customer_id, patch, expect)
    except InvalidInput as refused:
        return _form(call, form, "", _by_field(refused), customer=customer, version=version)
    return call.done(f"/customers/{saved.id}", f"{saved.name} was saved.")


def _form(
    call: PageCall,
    form: CustomerForm,
    once: str,
    errors: Mapping[str, str] | None = None,
    *,
    customer: Customer | None = None,
    version: object = "",
) -> Response:
    return call.render(
        "customers/form.html",
        422 if errors else 200,
        title="Create a customer" if customer is None else f"Edit {customer.name}",
        form=form,
        once=once,
        errors=errors or {},
        customer=customer,
        version_shown=version,
    )


def _by_field(refused: InvalidInput) -> dict[str, str]:
    return {error.field: error.message for error in refused.errors}
