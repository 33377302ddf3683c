#!/bin/sh
# Install what verification and models are measured beside, each away from everything else in build/peers.
# What cannot be installed is named and never fails here: the table says that it was not measured.
set -u

better_auth=1.7.5
better_sqlite3=12.6.2
home=build/peers
mkdir -p "$home"

# What was installed since this file and the versions were written: NAME [CONSTRAINTS]
ready() { [ "$home/$1/.ready" -nt "${2:-constraints-peers.txt}" ] && [ "$home/$1/.ready" -nt scripts/peers.sh ]; }

failed() { echo "flowkeys: $1 could not be installed, and is not measured; see $home/$1.log" >&2; }

# A Python package: NAME CONSTRAINTS REQUIREMENT...
python_peer() {
    name=$1
    versions=$2
    shift 2
    ready "$name" "$versions" && return
    echo "flowkeys: installing $* into $home/$name"
    if .venv/bin/python -m venv --clear "$home/$name" >"$home/$name.log" 2>&1 &&
        "$home/$name/bin/python" -m pip install --disable-pip-version-check --no-input -q \
            -c "$versions" "$@" </dev/null >>"$home/$name.log" 2>&1; then
        touch "$home/$name/.ready"
    else
        failed "$name"
    fi
}

# better-auth, with the SQLite package of its guide: newer npms build that only when asked.
better_auth_peer() {
    ready better-auth && return
    echo "flowkeys: installing better-auth $better_auth into $home/better-auth"
    mkdir -p "$home/better-auth"
    headers=
    [ -f /usr/include/node/node.h ] && headers=--nodedir=/usr
    # Its plugin names exactly these versions of what it shares with it.
    if npm install --silent --no-audit --no-fund --no-package-lock --prefix "$home/better-auth" \
        "better-auth@$better_auth" "@better-auth/api-key@$better_auth" "@better-auth/core@$better_auth" \
        @better-auth/utils@0.4.2 better-call@1.4.0 "better-sqlite3@$better_sqlite3" \
        </dev/null >"$home/better-auth.log" 2>&1 &&
        npm rebuild --silent --prefix "$home/better-auth" $headers better-sqlite3 \
            </dev/null >>"$home/better-auth.log" 2>&1 &&
        node -e 'new (require(process.argv[1]))(":memory:")' "$PWD/$home/better-auth/node_modules/better-sqlite3" \
            >>"$home/better-auth.log" 2>&1; then
        touch "$home/better-auth/.ready"
    else
        failed better-auth
    fi
}

python_peer keyshield constraints-peers.txt \
    'keyshield[core,fastapi]' 'sqlalchemy[asyncio]' aiosqlite uvicorn uvloop httptools
python_peer drf constraints-peers.txt djangorestframework-api-key djangorestframework django gunicorn
python_peer litellm constraints-litellm.txt 'litellm[proxy]'
better_auth_peer
