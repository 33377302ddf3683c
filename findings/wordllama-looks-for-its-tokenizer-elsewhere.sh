#!/bin/sh
# wordllama 0.4.0.post1, WordLlama.load(disable_download=True): fails, though the wheel holds the weights and the tokenizer.
#
# The wheel has weights/l2_supercat_256.safetensors and tokenizers/l2_supercat_tokenizer_config.json, and the docstring of
# load says that it looks in tokenizers/ of the package first. One would guess that the default model loads from what was
# installed, and needs no network. But resolve_file looks below the package in a folder named after the kind of file,
# "weights" or "tokenizer" (without the s; only the folder of the cache has it), so the weights are found and the tokenizer
# is not: with downloads disabled the load fails, and otherwise the first start of each machine downloads the file that it
# has. With the package itself as the cache (cache_dir=), whose folder is spelled "tokenizers", it loads.
#
# Seen: in the wheel: ['tokenizers/l2_supercat_tokenizer_config.json', 'weights/l2_supercat_256.safetensors']; load:
# FileNotFoundError: Tokenizer file 'l2_supercat_tokenizer_config.json' not found in project root or cache, and downloads are
# disabled.; with the package as the cache: (1, 256)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    wordllama==0.4.0.post1 tokenizers==0.23.3 safetensors==0.8.0 numpy==2.4.6
HOME=$folder "$folder/venv/bin/python" - <<'PYTHON'
import sys
from pathlib import Path

import wordllama
from wordllama import WordLlama

package = Path(wordllama.__file__).parent
names = ("*/l2_supercat_256.safetensors", "*/l2_supercat_tokenizer_config.json")
held = sorted(path.relative_to(package).as_posix() for name in names for path in package.glob(name))
print(f"in the wheel: {held}")
error = None
try:
    WordLlama.load(disable_download=True)
except FileNotFoundError as raised:
    error = raised
    print(f"load: FileNotFoundError: {raised}")
shape = WordLlama.load(cache_dir=package, disable_download=True).embed("hello").shape
print(f"with the package as the cache: {shape}")
sys.exit(0 if len(held) == 2 and error is not None and "Tokenizer" in str(error) and shape == (1, 256) else 1)
PYTHON
