"""The hot routes: verify, forward-auth and predictions, decided by plain functions over bytes.

`answer` knows them all; `asgi` is the layer in front of the framework that any server can run, `protocol`
answers inside uvicorn's connection, before a task is made. Both give the same answers (tests/verification).
"""

from flowkeys.web.hot.answer import Hot
from flowkeys.web.hot.asgi import FastPath
from flowkeys.web.hot.call import Refuser

__all__ = ["FastPath", "Hot", "Refuser"]
