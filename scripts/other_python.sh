#!/bin/sh
# Print what a virtual environment was made with when that is not the interpreter that was asked for.
# Usage: sh scripts/other_python.sh VENV PYTHON
set -eu

identity() { "$1" -c 'import os, sys; print(sys.version.split()[0], os.path.realpath(sys.base_prefix))' 2>/dev/null; }

there=$(identity "$1/bin/python") || exit 0
wanted=$(identity "$2") || exit 0
if [ "$there" != "$wanted" ]; then echo "Python ${there%% *}"; fi
