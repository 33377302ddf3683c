"""Accessibility, as far as a machine can tell: axe-core finds nothing."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "build" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Sequence[str] = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""Kinds of rules: all that are asked when nothing else is said."""

COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that can break when only the theme changes."""

_RUN = """async ([type, rules]) => {
    const ends = (item) => item.effect.getComputedTiming().endTime !== Infinity;
    await Promise.allSettled(document.getAnimations().filter(ends).map((item) => item.finished));
    const found = await axe.run(document, {
        runOnly: {type, values: rules}, resultTypes: ["violations"], preload: false,
    });
    return found.violations.flatMap((rule) => rule.nodes.map((node) => ({
        rule: rule.id, help: rule.help, target: node.target.join(" "), why: node.failureSummary,
    })));
}"""
"""What fades in has its colours only once it is there."""


@cache
def _source() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make browser, which needs npm")
    return AXE.read_text("utf-8")


def violations(page: Page, rules: Sequence[str] = RULES) -> list[dict[str, Any]]:
    """Return what axe-core finds on the page as it stands: rule, help, target, why."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(
            _source()
        )  # by the debugger, to which the page's Content-Security-Policy does not apply
    kind = "tag" if rules == RULES else "rule"
    found: list[dict[str, Any]] = page.evaluate(_RUN, [kind, list(rules)])
    return found


def assert_accessible(page: Page, rules: Sequence[str] = RULES) -> None:
    """Fail with each rule that is broken, where, and what to do."""
    found = violations(page, rules)
    lines = [f"{item['rule']}: {item['help']}\n  at {item['target']}\n  {item['why']}" for item in found]
    assert not lines, f"{page.url}\n" + "\n".join(lines)
