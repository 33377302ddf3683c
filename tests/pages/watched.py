"""A browser's window in which nothing happens unseen: requests, answers, messages, errors, violations."""

from typing import Any, Final, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, WebError

from tests.pages.browser import HEIGHTS, WIDE
from tests.pages.predictions.answers import Answer, Answers
from tests.support.waiting import PATIENCE_MS, until

_VIOLATION: Final = "Content-Security-Policy violated: "
_REPORT_VIOLATIONS: Final = f"""
document.addEventListener("securitypolicyviolation", (event) => console.error(
    "{_VIOLATION}" + event.effectiveDirective + " " + (event.blockedURI || "inline") + " " + event.sample
));
"""
_KEPT: Final = """JSON.stringify([
    {...localStorage}, {...sessionStorage}, history.state, window.name, document.cookie, location.href,
    [...document.querySelectorAll("input, textarea, select")].map((item) => item.value),
])"""
_NO_OTHER_ORIGIN: Final = {"about", "blob", "chrome-error", "data"}


class Watched:
    """A window with a profile of its own on one server, and what has been seen in it.

    `page` is its page, `context` the window. `requests`, `messages` (errors and warnings of the console),
    `errors` (exceptions of scripts), `violations` (of the Content-Security-Policy) and `failed` (requests
    without an answer) are in order. `check` fails when something happened that no page of ours does.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        theme: Any = "light",
        width: int = WIDE,
        javascript: bool = True,
        cookies: Any = (),
    ) -> None:
        """Open a window on the server at `url`; a `width` in CSS pixels, a `theme` of light or dark."""
        self.url = url
        self.requests: list[Request] = []
        self.messages: list[str] = []
        self.errors: list[str] = []
        self.violations: list[str] = []
        self.failed: list[str] = []
        self._allowed: list[str] = []
        self._unwatched: set[Page] = set()
        self.context = browser.new_context(
            base_url=url,
            color_scheme=theme,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            java_script_enabled=javascript,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.set_default_navigation_timeout(PATIENCE_MS)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        self.context.add_init_script(_REPORT_VIOLATIONS)
        self.context.on("page", self._on_page)
        self.context.on("request", self._on_request)
        self.context.on("requestfailed", self._on_failure)
        self.context.on("console", self._on_message)
        self.context.on("weberror", self._on_error)
        self._answers = Answers(self.context)
        if cookies:
            self.context.add_cookies(list(cookies))
        self.page = self.tab()

    def tab(self) -> Page:
        """Open another tab."""
        page = self.context.new_page()
        self._answers.watch(page)
        self._unwatched.discard(page)
        return page

    def go(self, path: str) -> Self:
        """Go to a path of the server."""
        self.page.goto(path)
        return self

    def allow(self, message: str) -> None:
        """Say that a message of the console which contains `message` is expected, once or more.

        Chromium calls every status from 400 on an error: a test that makes one happen says so, for example
        with "status of 422". A message that was allowed and never came fails the check.
        """
        self._allowed.append(message)

    def answers(self) -> list[Answer]:
        """Return every answer so far with its text, after waiting for those that are under way."""
        self._notice()
        assert self._unwatched == set(), "a page that opened by itself, whose first answers went by unseen"
        until(self._have_ended, lambda: f"the end of {self._answers.under_way}")
        lost = self._answers.lost
        assert lost == [], f"answers that the browser no longer had: {lost}"
        return self._answers.complete

    def traces(self, secret: str) -> list[str]:
        """Return where a text is to be found, or was seen in an answer or an address."""
        found = [f"answer: {item.method} {item.url}" for item in self.answers() if secret in _whole(item)]
        found += [f"address: {item.method} {item.url}" for item in self.requests if secret in item.url]
        found += [f"console: {text}" for text in (*self.messages, *self.errors) if secret in text]
        for page in self._pages():
            found += [f"DOM: {page.url}"] if secret in page.content() else []
            found += [f"kept: {page.url}"] if secret in page.evaluate(_KEPT) else []
        return found

    def problems(self) -> list[str]:
        """Return what happened that should not, one line each."""
        self._notice()
        foreign = [request.url for request in self.requests if not self._is_ours(request.url)]
        unexpected = [text for text in self.messages if not any(item in text for item in self._allowed)]
        missed = [item for item in self._allowed if not any(item in text for text in self.messages)]
        return [
            *(f"violation: {text}" for text in self.violations),
            *(f"request to another origin: {url}" for url in foreign),
            *(f"page error: {text}" for text in self.errors),
            *(f"console: {text}" for text in unexpected),
            *(f"allowed, but it never came: {text}" for text in missed),
        ]

    def check(self) -> None:
        """Fail when something happened that should not."""
        assert self.problems() == []

    def close(self) -> None:
        """Close the window and forget its profile."""
        self.context.close()

    def _pages(self) -> list[Page]:
        return self.context.pages or [self.context.new_page()]

    def _have_ended(self) -> bool:
        if self._answers.under_way:
            self._pages()[0].wait_for_timeout(20)  # playwright hears of what happens only while it waits
        return not self._answers.under_way

    def _notice(self) -> None:
        """Let events that have arrived be handled: playwright does so only while it waits."""
        self._answers.catch_up()
        self._pages()[0].wait_for_timeout(1)

    def _is_ours(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in _NO_OTHER_ORIGIN or f"{parts.scheme}://{parts.netloc}" == self.url

    def _on_page(self, page: Page) -> None:
        self._unwatched.add(page)

    def _on_request(self, request: Request) -> None:
        self.requests.append(request)

    def _on_failure(self, request: Request) -> None:
        self.failed.append(f"{request.method} {request.url}: {request.failure}")

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.text.startswith(_VIOLATION):
            self.violations.append(message.text.removeprefix(_VIOLATION))
        elif message.type in {"error", "warning", "assert"}:
            self.messages.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _on_error(self, error: WebError) -> None:
        self.errors.append(str(error.error))


def _whole(answer: Answer) -> str:
    return "\n".join([answer.text, *(f"{name}: {value}" for name, value in answer.headers.items())])
