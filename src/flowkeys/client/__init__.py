"""The Python SDK. Its public names are exported by the root package: ``from flowkeys import Client``.

Every verb is written once, as a function that returns a `Call` (`keys`, `chatflows`, `document_stores`,
`predictions`); `sync` and `aio` only perform calls, one blocking, one awaiting.
"""
