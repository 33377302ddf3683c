"""What is loaded when a server is ready: nothing that its first calls do not need."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import PATIENCE_SECONDS

NOT_YET = {
    "fastapi", "jinja2", "markupsafe", "markdown_it", "nh3", "opentelemetry",  # pages and the management API
    "alembic", "mako",  # changes of the schema
    "aiohttp", "langchain_core", "langgraph", "justhtml", "openai",  # models
    "pypdf", "docutils", "mammoth", "python_calamine", "chardet", "snowballstemmer",  # documents
    "prometheus_client", "flowkeys.telemetry.metrics",  # metrics, which are off
    "rich", "pygments", "attr", "argon2", "cryptography", "sqlalchemy.dialects.postgresql",
    "flowkeys.cli.keys", "flowkeys.cli.backends", "flowkeys.documents", "flowkeys.flows", "flowkeys.outbound",
    "flowkeys.passwords", "flowkeys.service.customers", "flowkeys.service.keys.keyring",
    "flowkeys.service.webhooks.webhooks", "flowkeys.storage.documents", "flowkeys.storage.keys.page",
    "httpx", "flowkeys.web.api", "flowkeys.web.pages", "flowkeys.web.schemas", "flowkeys.web.framework",
}  # fmt: skip
"""Each costs a start of the server some milliseconds, the framework with its routes a third of a second."""
MOST_MODULES = 316
"""Of ours. Each costs a start half a millisecond, whatever is in it."""
PROGRAM = """
import json, sys
from flowkeys.cli.main import main
import flowkeys.bootstrap  # as the command does, first
from flowkeys.web.later import Later

def watched(self, begin=Later._begin):
    print(json.dumps(sorted(sys.modules)), flush=True)
    making = begin(self)
    making.add_done_callback(lambda _: print(json.dumps(sorted(sys.modules)), flush=True))
    return making

Later._begin = watched
main(["serve", "--port", "0"])
"""


def test_a_server_is_ready_before_what_it_needs_later_is_loaded(tmp_path: Path) -> None:
    """Given a first start that is ready, none of these is loaded; then they are, though nobody asks."""
    environment = {**os.environ, "FLOWKEYS_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            ready, later = (set(json.loads(process.stdout.readline())) for _ in range(2))
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
    assert ready & NOT_YET == set()
    ours = {name for name in ready if name.startswith("flowkeys.")}
    assert len(ours) <= MOST_MODULES, "what is a start to load of this, and what can be loaded behind it?"
    assert {"fastapi", "flowkeys.web.api", "flowkeys.web.pages", "flowkeys.flows.engine"} <= later
    assert "flowkeys.web.hot.protocol" in ready, "this is what is looked at"
