"""Programs to copy: they call a chatflow with the key that the environment variable holds.

Each runs as it is shown. What is filled in is written as the language writes a string, whatever it contains.
"""

import json
import shlex
from typing import Final, Literal
from urllib.parse import quote

import msgspec

VARIABLE: Final = "FLOWKEYS_API_KEY"
"""Where every program looks for its key: a token in a program's text ends up in its history."""
QUESTION: Final = "Hello"

Language = Literal["shell", "python", "javascript"]


class Snippet(msgspec.Struct, frozen=True):
    """One program. `id` is fit to be part of an element's id."""

    id: str
    label: str
    language: Language
    code: str


def env_line(token: str) -> str:
    """Return the shell's line that sets the variable."""
    quoted = token.replace("'", "'\\''")
    return f"export {VARIABLE}='{quoted}'"


def snippets(base_url: str, *, chatflow_id: str | None, streaming: bool = False) -> list[Snippet]:
    """Return a program a language: it asks the chatflow, or with none what the key itself is good for.

    `base_url` is where the server is, as people reach it; `streaming` prints the answer as it is made.
    """
    address = _Address(base_url.rstrip("/"), chatflow_id)
    chosen = _VERIFYING if chatflow_id is None else _STREAMING if streaming else _ASKING
    return [
        Snippet("curl", "curl", "shell", _curl(address, streaming=streaming)),
        Snippet("sdk", "Python SDK", "python", _filled(chosen["sdk"], address)),
        Snippet("requests", "Python requests", "python", _filled(chosen["requests"], address)),
        Snippet("fetch", "JavaScript", "javascript", _filled(chosen["fetch"], address)),
    ]


class _Address:
    def __init__(self, base_url: str, chatflow_id: str | None) -> None:
        self.base_url = base_url
        self.chatflow_id = chatflow_id or ""
        path = "apikey/verify" if chatflow_id is None else f"prediction/{quote(chatflow_id, safe='')}"
        self.url = f"{base_url}/api/v1/{path}"


def _curl(address: _Address, *, streaming: bool) -> str:
    body: dict[str, object] = {"question": QUESTION} if address.chatflow_id else {}
    unbuffered = ""
    if address.chatflow_id and streaming:
        body["streaming"] = True
        unbuffered = "-N "
    return (
        f"curl {unbuffered}{shlex.quote(address.url)} \\\n"
        f'  -H "Authorization: Bearer ${VARIABLE}" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(json.dumps(body))}"
    )


def _filled(template: str, address: _Address) -> str:
    """Return the program with its strings; a JSON string in ASCII is one of Python and JavaScript too."""
    parts = template.split("«")
    filled = [parts[0]]
    for part in parts[1:]:
        name, _, rest = part.partition("»")
        filled.append(json.dumps(getattr(address, name)) + rest)
    return "".join(filled).strip()


_ASKING: Final = {
    "sdk": """
from flowkeys import Client

# The key comes from the environment variable FLOWKEYS_API_KEY.
with Client(«base_url») as client:
    answer = client.predict(«chatflow_id», "Hello")
    print(answer.text)
""",
    "requests": """
import os

import requests

response = requests.post(
    «url»,
    headers={"Authorization": "Bearer " + os.environ["FLOWKEYS_API_KEY"]},
    json={"question": "Hello"},
    timeout=120,
)
response.raise_for_status()
print(response.json()["text"])
""",
    "fetch": """
async function ask(question) {
  const response = await fetch(«url», {
    method: "POST",
    headers: {
      "Authorization": `Bearer ${process.env.FLOWKEYS_API_KEY}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ question }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()).text;
}

ask("Hello").then(console.log);
""",
}

_STREAMING: Final = {
    "sdk": """
from flowkeys import Client, Token

# The key comes from the environment variable FLOWKEYS_API_KEY.
with Client(«base_url») as client, client.stream(«chatflow_id», "Hello") as events:
    for event in events:
        if isinstance(event, Token):
            print(event.text, end="", flush=True)
print()
""",
    "requests": """
import json
import os

import requests

response = requests.post(
    «url»,
    headers={"Authorization": "Bearer " + os.environ["FLOWKEYS_API_KEY"]},
    json={"question": "Hello", "streaming": True},
    stream=True,
    timeout=120,
)
response.raise_for_status()
for line in response.iter_lines(chunk_size=None):
    if line.startswith(b"data:"):
        event = json.loads(line.removeprefix(b"data:"))
        if event["event"] == "error":
            raise RuntimeError(event["data"])
        if event["event"] == "token":
            print(event["data"], end="", flush=True)
print()
""",
    "fetch": """
async function ask(question) {
  const response = await fetch(«url», {
    method: "POST",
    headers: {
      "Authorization": `Bearer ${process.env.FLOWKEYS_API_KEY}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ question, streaming: true }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const decoder = new TextDecoder();
  let received = "";
  for await (const chunk of response.body) {
    const lines = (received + decoder.decode(chunk, { stream: true })).split("\\n");
    received = lines.pop();
    for (const line of lines.filter((line) => line.startsWith("data:"))) {
      const { event, data } = JSON.parse(line.slice("data:".length));
      if (event === "error") throw new Error(data);
      if (event === "token") process.stdout.write(data);
    }
  }
  console.log();
}

ask("Hello");
""",
}

_VERIFYING: Final = {
    "sdk": """
from flowkeys import Client

# The key comes from the environment variable FLOWKEYS_API_KEY.
with Client(«base_url») as client:
    print(client.keys.verify())
""",
    "requests": """
import os

import requests

response = requests.post(
    «url»,
    headers={"Authorization": "Bearer " + os.environ["FLOWKEYS_API_KEY"]},
    json={},
    timeout=120,
)
response.raise_for_status()
print(response.json())
""",
    "fetch": """
async function verify() {
  const response = await fetch(«url», {
    method: "POST",
    headers: {
      "Authorization": `Bearer ${process.env.FLOWKEYS_API_KEY}`,
      "Content-Type": "application/json",
    },
    body: "{}",
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return await response.json();
}

verify().then(console.log);
""",
}
