"""A request for a page: who is signed in, what was sent, and how to answer."""

from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from fastapi import Response
from fastapi.responses import HTMLResponse, RedirectResponse

from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.domain.keys.token import conceal
from flowkeys.domain.people.person import Person, SignIn
from flowkeys.domain.permissions import covers
from flowkeys.web.pages import form
from flowkeys.web.pages.frame import notice
from flowkeys.web.pages.templating import draw
from flowkeys.web.requests.below import without_text
from flowkeys.web.requests.origin import Place
from flowkeys.web.services import Call

FORM_BYTES: Final = 1024 * 1024
_DIALOG: Final = "dialog"
_WHAT_WENT_WRONG: Final = frozenset({"errors", "message", "problem"})
_IN_URLS: Final = ":/%#?=@[]!$&'()*+,;"
"""What a header with an address holds as it is, beside letters and digits: as redirects have it."""


class PageCall(Call):
    """A request as page handlers get it."""

    @property
    def person(self) -> Person:
        """Who is signed in. Open pages may have nobody: ask `is_signed_in` first."""
        person: Person = self.state.person
        return person

    @property
    def sign_in(self) -> SignIn:
        """The sign-in that the call belongs to."""
        sign_in: SignIn = self.state.sign_in
        return sign_in

    @property
    def is_signed_in(self) -> bool:
        """Whether anybody is signed in."""
        return hasattr(self.state, "person")

    @property
    def address(self) -> str:
        """Where links that are given away lead, without a slash at the end."""
        return self.services.public_urls.first(self.scope).url

    @property
    def place(self) -> Place:
        """Where this call reached the server."""
        return self.services.public_urls.asked(self.scope)

    @property
    def is_part(self) -> bool:
        """Whether a script asks and will put the answer into the page that is open."""
        return "hx-request" in self.headers

    @property
    def in_dialog(self) -> bool:
        """Whether the answer goes into the dialog."""
        return self.is_part and self.headers.get("hx-target") == _DIALOG

    @property
    def came_from(self) -> SplitResult | None:
        """The page of ours that the call was made on; None when it is another's, or makes no sense."""
        asked = self.headers.get("hx-current-url" if self.is_part else "referer", "")
        try:
            found = urlsplit(asked)
        except ValueError:  # "http://[", for example: anybody may send anything
            return None
        if f"{found.scheme}://{found.netloc}" != self.place.origin:
            return None
        return found._replace(path=without_text(found.path, self.place.path))

    async def form(self, *, max_bytes: int = FORM_BYTES) -> form.Form:  # type: ignore[override]
        """Return the form in the body, read once.

        Raises:
            Forbidden: while it was read, the permission to send it was taken away.
            Refused: while it was read, the sign-in ended.
            InvalidInput: it is no form.
            TooLarge: it is larger than `max_bytes`.
        """
        if not hasattr(self.state, "form"):
            try:
                self.state.form = await form.read(self, max_bytes=max_bytes)
            except (InvalidInput, TooLarge):
                await self.look_again()  # what is wrong is said on a page of theirs
                raise
            await self.look_again()
        found: form.Form = self.state.form
        return found

    async def look_again(self) -> None:
        """Let nobody on who may not be here any more, after a body that may have been long in coming."""
        await self.state.still()

    def may(self, *permissions: str) -> bool:
        """Tell whether the person holds all of these: whether a button would work."""
        return self.is_signed_in and covers(self.person.held(), permissions)

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """Return a filled-in template. In the dialog, `layouts/page.html` is not around it.

        Of what went wrong, `errors`, `message` and `problem` in the context, no token is shown that was sent
        where none belongs, as in the JSON of problems.
        """
        left = None if self.is_part else notice.take(self)
        for name in _WHAT_WENT_WRONG & context.keys():
            context[name] = _concealed(context[name])
        text = draw(
            template,
            below=self.services.public_urls.path,
            layout="layouts/dialog.html" if self.in_dialog else "layouts/page.html",
            person=self.person if self.is_signed_in else None,
            may=self.may,
            now=self.services.clock(),
            path=self.url.path,
            notice=left,
            version=self.services.version,
            **context,
        )
        response = HTMLResponse(text, status)
        if left is not None:
            notice.forget(response, self.place)
        return response

    def done(self, target: str, message: str | None = None) -> Response:
        """Go to another page after something was done, so that nothing is sent twice by a reload.

        From a dialog over the list that `target` names, back to that list as it was: filtered, sorted, paged.
        """
        if self.is_part:
            response = Response(
                status_code=204, headers={"HX-Redirect": quote(self._place_in(target), safe=_IN_URLS)}
            )
        else:
            response = RedirectResponse(target, 303)
        if message is not None:
            notice.leave(response, conceal(message), place=self.place)
        return response

    def _place_in(self, target: str) -> str:
        current, asked = self.came_from, urlsplit(target)
        if current is None or asked.query or current.path != asked.path:
            return target
        return f"{current.path}?{current.query}" if current.query else current.path


def _concealed(said: Any) -> Any:
    if isinstance(said, str):
        return conceal(said)
    return {name: conceal(text) for name, text in said.items()} if isinstance(said, dict) else said


def local_path(text: str, otherwise: str = "/") -> str:
    """Return `text` when it is a path of this server, fit to go to after a sign-in."""
    fits = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    parts = urlsplit(text) if fits else None
    return (
        text
        if parts is not None and not parts.scheme and not parts.netloc and "\\" not in text
        else otherwise
    )
