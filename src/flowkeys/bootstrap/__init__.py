"""Where everything is put together: the one package that knows every part."""

from flowkeys.telemetry import logs  # noqa: F401  # first: it loads structlog without what nobody uses of it

# isort: split
from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.opening import open_runtime
from flowkeys.bootstrap.runtime import Runtime
from flowkeys.bootstrap.serving import create_app, create_metrics

__all__ = ["Runtime", "clock", "create_app", "create_metrics", "open_runtime"]
