"""Makes many calls at a time with a client that waits when it is refused; prints how each ended."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

given = json.load(sys.stdin)
method, url, calls = given["method"], given["url"], given["calls"]
headers = {"Authorization": f"Bearer {given['key']}"}


def caller() -> Callable[[], int]:
    """Return what makes one call and returns the status of its answer."""
    if given["client"] == "urllib3":
        import urllib3

        # By itself it repeats no POST.
        more = {"retries": urllib3.Retry(3, allowed_methods=None)} if method == "POST" else {}
        pool = urllib3.PoolManager(maxsize=calls)
        return lambda: pool.request(method, url, headers=headers, **more).status
    if given["client"] == "requests":
        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        session.mount("http://", HTTPAdapter(pool_maxsize=calls, max_retries=3))
        return lambda: session.request(method, url, headers=headers).status_code
    import httpx
    from httpx_retries import Retry, RetryTransport

    retry = Retry(allowed_methods=["GET", "POST"]) if method == "POST" else Retry()
    client = httpx.Client(transport=RetryTransport(retry=retry), timeout=60, trust_env=False)
    return lambda: client.request(method, url, headers=headers).status_code


call = caller()


def ended(_: int) -> str:
    """Make one call."""
    try:
        return str(call())
    except Exception as error:  # noqa: BLE001  # whatever it raises is what is asked for
        return f"{type(error).__name__}: {error}"


with ThreadPoolExecutor(calls) as threads:
    print(json.dumps(Counter(threads.map(ended, range(calls)))))
