"""Where everything is put together: the one package that knows every part."""

from flowkeys.bootstrap.runtime import Runtime, clock, open_runtime
from flowkeys.bootstrap.serving import create_app, create_metrics

__all__ = ["Runtime", "clock", "create_app", "create_metrics", "open_runtime"]
