"""What a scrape costs the event loop, with few keys in use and with 100,000. `python -m bench.scrape`."""

import asyncio
import tempfile
import time
from pathlib import Path

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.keys.api_key import KeyRecord

KEYS = 100_000
TIMES = 10


async def main():
    with tempfile.TemporaryDirectory() as folder:
        runtime = await bootstrap.open_runtime(load(data_dir=Path(folder) / "data"))
        metrics = bootstrap.create_metrics(runtime, lambda: 0)
        await scrape(metrics)
        print(
            f"few keys: {min([await scrape(metrics) for _ in range(TIMES)]) * 1000:.1f} ms of processor time"
        )
        for number in range(KEYS):
            record = KeyRecord.of(key_id=f"{number:036d}", workspace_id="w", name="x")
            runtime.calls.count("forward-auth", "ok", record, "f", time.perf_counter())
        turns = asyncio.create_task(watch())
        whole = min([await scrape(metrics) for _ in range(TIMES)])
        turns.cancel()
        longest = await turns
        print(f"{KEYS:,} keys: {whole * 1000:.0f} ms, the longest turn {longest * 1000:.1f} ms")
        await runtime.close()


async def scrape(metrics):
    """Return how much of the loop's processor time a scrape takes."""

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(_):
        pass

    scope = {"type": "http", "path": "/metrics", "method": "GET", "headers": [], "query_string": b""}
    begun = time.thread_time()
    await metrics(scope, receive, send)
    return time.thread_time() - begun


async def watch():
    """Return the longest time for which others had no turn."""
    longest, last = 0.0, time.thread_time()
    try:
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest


asyncio.run(main())
