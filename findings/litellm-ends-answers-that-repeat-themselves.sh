#!/bin/sh
# litellm 1.108.7, streaming: an answer whose pieces repeat themselves is ended by an error, its rest is lost.
#
# A model that draws a rule of dashes, pads a column, prints a row of zeros or a base64 run sends the same piece many
# times. One would guess that a gateway hands pieces on whatever they say. litellm counts pieces that equal the one before
# and, at the hundredth, raises an error in place of what follows (MidStreamFallbackError around InternalServerError, "The
# model is repeating the same chunk"), though the model has ended its answer properly (finish_reason "stop"). Pieces of one or two characters are not counted, so a rule of "--" passes and one of
# "---" does not; the same answer asked for without streaming arrives whole. The limit is a module constant
# (REPEATED_STREAMING_CHUNK_LIMIT, also read from the environment), not a setting of a call or of a model.
#
# Seen: pieces of 2: 150 of 150, no error. pieces of 3: 100 of 150, MidStreamFallbackError. whole: 450 characters.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check litellm==1.108.7
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import litellm

COUNT = 150


class Model(BaseHTTPRequestHandler):
    """Answers a question "--" with 150 pieces "--", and so on."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        piece = asked["messages"][-1]["content"]
        self.send_response(200)
        about = {"id": "1", "created": 1, "model": "m"}
        if not asked.get("stream"):
            said = {"role": "assistant", "content": piece * COUNT}
            choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
            body = json.dumps({**about, "object": "chat.completion", "choices": choices}).encode()
            self.send_header("Content-Type", "application/json")
        else:
            deltas = [({"content": piece}, None)] * COUNT + [({}, "stop")]
            records = (
                {**about, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": d, "finish_reason": f}]}
                for d, f in deltas
            )
            body = b"".join(b"data: %b\n\n" % json.dumps(r).encode() for r in records) + b"data: [DONE]\n\n"
            self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
litellm.suppress_debug_info = True


def ask(piece: str, stream: bool):
    return litellm.completion(
        model="openai/m",
        api_base=f"http://127.0.0.1:{server.server_address[1]}/v1",
        api_key="k",
        messages=[{"role": "user", "content": piece}],
        stream=stream,
        max_retries=0,
    )


def streamed(piece: str) -> tuple[int, str]:
    pieces = 0
    try:
        for chunk in ask(piece, stream=True):
            pieces += bool(chunk.choices and chunk.choices[0].delta.content)
    except Exception as error:
        return pieces, type(error).__name__
    return pieces, "no error"


short, long, whole = streamed("--"), streamed("---"), len(ask("---", stream=False).choices[0].message.content)
print(f"pieces of 2: {short[0]} of {COUNT}, {short[1]}")
print(f"pieces of 3: {long[0]} of {COUNT}, {long[1]}")
print(f"whole: {whole} characters")
sys.exit(not (short == (COUNT, "no error") and long[0] < COUNT and long[1] != "no error" and whole == 3 * COUNT))
PYTHON
