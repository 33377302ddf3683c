"""The life of a key in ten seconds: publish a chatflow behind it, ask, be refused, revoke it.

Everything happens on this machine, in a temporary folder that is removed at the end. Run it with `make demo`.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
FLOWKEYS = Path(sys.executable).with_name("flowkeys")
START_SECONDS = 60
STOP_SECONDS = 5
WIDTH = 100

QUESTION = "How do I revoke a key?"
SECOND_QUESTION = "How is a key stored?"

GO_ON = """
What next, with a server that stays:
  export PATH=$PWD/.venv/bin:$PATH FLOWKEYS_DATA_DIR=$PWD/.flowkeys
  flowkeys flows add "My docs" --docs FOLDER               a chatflow over a folder of documents
  flowkeys keys create "My program" --chatflow "My docs"   a key that opens it
  make serve                                               pages and API on http://127.0.0.1:3000
README.md has the rest."""


class DemoFailed(Exception):
    """Something did not go as this demo promises; the message says what."""


def main() -> int:
    """Run the demo; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="flowkeys-demo-") as folder:
        try:
            demo(Path(folder))
        except (DemoFailed, httpx.HTTPError, subprocess.TimeoutExpired) as failure:
            print(f"\nThe demo failed: {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            return 130
    print(GO_ON)
    return 0


def demo(data: Path) -> None:
    """Tell the story, one step after the other."""
    step("A chatflow over the documents in docs/, and a server")
    chatflow = command(data, "flows", "add", "Documentation", "--docs", str(ROOT / "docs"))["id"]
    owner = command(data, "keys", "create", "Demo owner", "--permission", "*")["apiKey"]
    with server(data) as address, client(address, "/api/v1") as http:
        say(f"{address}, data in a temporary folder")
        say(f"chatflow {chatflow}, closed: no key is bound to it yet")
        http.headers["Authorization"] = f"Bearer {owner}"

        step("A key, shown in this answer only")
        key = expect(http.post("/apikey", json={"keyName": "Production Backend Service"}), 201)
        token = key["apiKey"]
        say(token)

        step("The key is bound to the chatflow, and opens it")
        expect(http.put(f"/chatflows/{chatflow}", json={"apikeyid": key["id"]}), 200)
        with client(address, "/api/v1/prediction") as caller:
            ask(caller, chatflow, token)
            ask_streaming(caller, chatflow, token)

            step("Nobody else gets in")
            refusal(caller, chatflow, None, "without a key")
            refusal(caller, chatflow, wrong(token), "with a wrong key")

            step("From now on the key is masked")
            for listed in expect(http.get("/apikey"), 200):
                say(f"{listed['apiKey']}  {listed['status']:8}  {listed['keyName']}")

            step("The key is revoked, at once and for good")
            expect(http.delete(f"/apikey/{key['id']}"), 200)
            refusal(caller, chatflow, token, "with the revoked key")


def ask(caller: httpx.Client, chatflow: str, token: str) -> None:
    """Ask one question and print the answer, which names its sources."""
    say(f"“{QUESTION}”")
    answer = expect(caller.post(f"/{chatflow}", json={"question": QUESTION}, headers=bearer(token)), 200)
    quote(answer["text"])


def ask_streaming(caller: httpx.Client, chatflow: str, token: str) -> None:
    """Ask another question and print the answer while it arrives."""
    print()
    say(f"“{SECOND_QUESTION}” (streamed)")
    body = {"question": SECOND_QUESTION, "streaming": True}
    events: list[str] = []
    text = ""
    with caller.stream("POST", f"/{chatflow}", json=body, headers=bearer(token)) as answer:
        if not answer.is_success:
            answer.read()
        expect_status(answer, 200)
        for line in answer.iter_lines():
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                events.append(event["event"])
                text += event["data"] if event["event"] == "token" else ""
    if events[-1:] != ["end"] or not text:
        raise DemoFailed(f"the stream was incomplete: {events}")
    quote(text)
    print()
    say(f"events: {' '.join(dict.fromkeys(events))}", indent=4)


def refusal(caller: httpx.Client, chatflow: str, token: str | None, what: str) -> None:
    """Make a call that has to be refused, and print how it is."""
    answer = caller.post(f"/{chatflow}", json={"question": QUESTION}, headers=bearer(token))
    body = expect(answer, 401)
    say(f"{what}: {answer.status_code} {body['code']}: {body['message']}")


def client(address: str, path: str) -> httpx.Client:
    """Return a client that goes to this machine and through no proxy."""
    return httpx.Client(base_url=address + path, timeout=30, trust_env=False)


def bearer(token: str | None) -> dict[str, str]:
    """Return the header that carries a token, or none."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def wrong(token: str) -> str:
    """Return a token that differs in one character."""
    return token[:10] + ("b" if token[10] == "a" else "a") + token[11:]


def expect(answer: httpx.Response, status: int) -> Any:
    """Return the JSON of an answer that has the status."""
    expect_status(answer, status)
    return answer.json()


def expect_status(answer: httpx.Response, status: int) -> None:
    """Raise unless the answer has the status."""
    if answer.status_code != status:
        request = answer.request
        raise DemoFailed(f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:500]}")


def environment(data: Path) -> dict[str, str]:
    """Return this environment without the settings of any other flowkeys."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWKEYS_")}
    return {**kept, "FLOWKEYS_DATA_DIR": str(data)}


def command(data: Path, *arguments: str) -> Any:
    """Run a flowkeys command on the demo's data and return the JSON it prints."""
    run = subprocess.run(
        [FLOWKEYS, *arguments, "--json"],
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if run.returncode:
        raise DemoFailed(f"flowkeys {arguments[0]} {arguments[1]}: {run.stderr.strip()}")
    return json.loads(run.stdout)


@contextlib.contextmanager
def server(data: Path) -> Iterator[str]:
    """Start a server on a free port, yield its address when it answers, and stop it again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = data / "demo-server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [FLOWKEYS, "serve", "--host", "127.0.0.1", "--port", str(port)],
            env=environment(data),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(process, address, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Return when the server answers; raise with the end of its log when it does not."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/api/v1/ping", timeout=1, trust_env=False).text == "pong":
                return
        time.sleep(0.05)
    lines = log.read_text("utf-8", errors="replace").splitlines()[-15:]
    raise DemoFailed("\n".join(["the server did not start. The end of its log:", *lines]))


def step(title: str) -> None:
    """Print a headline."""
    print(f"\n{title}", flush=True)


def say(text: str, indent: int = 2) -> None:
    """Print a paragraph below the headline."""
    print(textwrap.fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent), flush=True)


def quote(text: str) -> None:
    """Print an answer as it came, its Markdown included, with room at the left."""
    for line in text.splitlines():
        is_entry = line[:1].isdigit()
        filled = textwrap.fill(line, WIDTH - 4, subsequent_indent="   " if is_entry else "")
        print(textwrap.indent(filled, "    "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
