"""The dashboard and the rules in `docs/monitoring` ask for nothing that is not there."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.architecture.tree import ROOT
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running
from tests.telemetry.metrics.scrape import samples

FOLDER = ROOT / "docs" / "monitoring"
DASHBOARD = json.loads((FOLDER / "grafana.json").read_text("utf-8"))
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
NAME = re.compile(r"\b((?:flowkeys|process)_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance", "le"}


def expressions() -> Iterator[tuple[str, str]]:
    """Yield all that is asked, and by whom."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for note in DASHBOARD["annotations"]["list"]:
        yield note["name"], note["expr"]
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


@pytest.fixture(scope="module")
def told(serve: Callable[..., Running]) -> dict[str, dict[str, set[str]]]:
    """The samples of a scrape: the values of each label of each."""
    running = serve(metrics_port=0)
    with running.owner() as owner:
        bound_key(owner, make_chatflow(owner))
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for sample in samples(running):
        known = found[sample.name]
        for label, value in sample.labels.items():
            known[label].add(value)
    return found


@pytest.mark.of_sqlite("the sizes of its files are among them")
def test_every_metric_that_is_asked_for_exists(told: dict[str, dict[str, set[str]]]) -> None:
    """By name, label and value of closed labels: a panel without data looks like a server without calls."""
    asked = 0
    for who, expression in expressions():
        labels = set(OF_PROMETHEUS)
        for name, matchers in NAME.findall(expression):
            asked += 1
            assert name in told, f"{who} asks for {name}"
            labels |= set(told[name])
            for label, how, values in MATCHER.findall(matchers):
                if label in OF_PROMETHEUS:
                    continue
                assert label in told[name], f"{who}: {name} has no {label}"
                if label in {"outcome", "door", "result"}:
                    wanted = values.split("|") if "~" in how else [values]
                    assert set(wanted) <= told[name][label], f"{who}: {label} is never {values}"
        for group in GROUPED.findall(expression):
            assert {label.strip() for label in group.split(",")} <= labels, who
    assert asked > 60


def test_what_ends_badly_or_waits_is_shown_and_rung_for() -> None:
    """Each metric of a part that can be down, late or full is on a panel, and those that hurt have a rule."""
    shown = {name for who, text in expressions() for name, _ in NAME.findall(text)}
    rung = {n for group in RULES["groups"] for r in group["rules"] for n, _ in NAME.findall(r["expr"])}
    for part in (
        "flowkeys_database_up", "flowkeys_writer_up", "flowkeys_change_feed_up",
        "flowkeys_usage_flush_failures_total", "flowkeys_webhook_overdue_seconds",
        "flowkeys_revocation_lag_seconds_bucket", "flowkeys_disk_free_bytes", "flowkeys_calls_total",
    ):  # fmt: skip
        assert part in shown & rung, part


def test_the_dashboard_can_be_imported() -> None:
    """Its data source is a variable, no panel stands on another, and each says what it is for."""
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert names == {"datasource", "job", "instance"}
    text = json.dumps(DASHBOARD)
    assert set(re.findall(r'"uid": "([^"]*)"', text)) == {"${datasource}", "flowkeys"}
    assert "id" not in DASHBOARD
    places: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        taken = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & places, panel["title"]
        assert at["x"] + at["w"] <= 24
        places |= taken


def test_every_rule_says_what_is_wrong() -> None:
    """Who is woken reads a sentence, and how grave it is."""
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"].rstrip().endswith(".")
