"""`docs/metrics.md` has every metric, with its type and its labels, and none that is not there."""

import re
from collections.abc import Callable

import pytest

from tests.architecture.tree import ROOT
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running
from tests.support.valkey import ValkeyServer
from tests.telemetry.metrics.scrape import families, get

PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
ROW = re.compile(r"^\| (`flowkeys_.+?) \| (\w+) \| (.*?) ?\| (.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def found(serve: Callable[..., Running], valkey_server: ValkeyServer) -> dict[str, tuple[str, set[str]]]:
    """Each metric of a scrape, with its type and labels."""
    running = serve(metrics_port=0, valkey=valkey_server.url)
    with running.owner() as owner:
        bound_key(owner, make_chatflow(owner))
    told = {}
    for family in families(get(running).text):
        labels = {name for sample in family.samples for name in sample.labels if name != "le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        told[name] = family.type, labels
    return told


@pytest.mark.of_sqlite("the sizes of its files are among them")
def test_the_page_has_every_metric(found: dict[str, tuple[str, set[str]]]) -> None:
    """Who adds a metric writes down what it is."""
    documented = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for names, kind, labels, _ in ROW.findall(PAGE)
        for name in re.findall(r"`(\w+)`", names)
    }
    ours = {name: known for name, known in found.items() if name.startswith("flowkeys_")}
    assert documented == ours
