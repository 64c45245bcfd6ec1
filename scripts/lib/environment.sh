# shellcheck shell=sh
# Python environments for the scripts in the folder above, which set $ROOT and source this.
#
# Nothing here is locked. An environment is built aside and gets its name in one step, so that an
# interrupted run leaves nothing half made, and of two runs at once the slower uses the other's.
# The name ends in a checksum of all that went in: when the requirements, the Python or the place
# of the checkout change, the next run makes another one.

# Settings of the caller that would lead Python or pip to other places.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT

# What has to be cleaned up whenever a script ends: folders, and a step that runs.
draft=
scratch=
step=
trap 'rm -rf ${draft:+"$draft"} ${scratch:+"$scratch"}' EXIT
trap 'interrupt 130' INT
trap 'interrupt 143' TERM HUP

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Runs it, since a name on the PATH may be a shim that leads nowhere.
is_python() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make_environments() {
    has uv || "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

# Prints the path of the first of the given Pythons that will do.
first_python() {
    incomplete=
    for candidate in "$@"; do
        is_python "$candidate" || continue
        if can_make_environments "$candidate"; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
        incomplete=${incomplete:-$candidate}
    done
    [ -z "$incomplete" ] || fail "$("$incomplete" -c 'import sys
version = "python%d.%d" % sys.version_info[:2]
print(version, "cannot make environments: install its venv package, for example with",
      f"\"apt install {version}-venv\", or install uv.")')"
    return 1
}

find_python() {
    if [ -n "${TASKWELL_PYTHON-}" ]; then
        is_python "$TASKWELL_PYTHON" ||
            fail "TASKWELL_PYTHON names no Python 3.11 or later: $TASKWELL_PYTHON"
        first_python "$TASKWELL_PYTHON"
    elif has uv; then
        first_python python3.13 python3.12 python3.11 python3 python ||
            uv python find --system --quiet '>=3.11,<3.14' 2>/dev/null ||
            # uv downloads it.
            echo 3.13
    else
        first_python python3.13 python3.12 python3.11 python3 python ||
            fail 'Taskwell needs Python 3.11 or later, or uv: install one of them,' \
                'for example with "apt install python3 python3-venv".'
    fi
}

# make_environment PURPOSE PYTHON REQUIREMENTS: sets $ENVIRONMENT.
make_environment() {
    requirements=$ROOT/backend/requirements/$3.txt
    checksum=$({
        printf '%s\n' "$ROOT" "$2"
        cat "$requirements" "$ROOT/scripts/lib/environment.sh" \
            "$ROOT/scripts/lib/finish_environment.py"
    } | cksum | cut -d ' ' -f 1)
    version=$("$2" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo "$2")
    in_checkout=$ROOT/backend/.venv-$1-$version-
    in_cache=${XDG_CACHE_HOME:-${HOME-}/.cache}/taskwell/venv-$1-$version-
    for ENVIRONMENT in "$in_checkout$checksum" "$in_cache$checksum"; do
        ! works "$ENVIRONMENT" || return 0
    done
    if [ -w "$ROOT/backend" ]; then
        family=$in_checkout
    else
        family=$in_cache
        mkdir -p "${family%/*}" 2>/dev/null ||
            fail "Neither $ROOT/backend nor ${family%/*} can be written: set XDG_CACHE_HOME" \
                'to a folder that can.'
    fi
    ENVIRONMENT=$family$checksum
    sweep "$family"
    build "$2" "$requirements" "$1"
    works "$ENVIRONMENT" || fail "The environment in $ENVIRONMENT does not work: remove it."
}

works() {
    "$1/bin/python" -c '' >/dev/null 2>&1
}

# Removes what no run will use any more: broken environments, drafts of killed runs, and older
# environments but the one that a running service may have been started from.
sweep() {
    current=$(readlink "$ROOT/backend/.venv" 2>/dev/null || true)
    for old in "$1"*; do
        # shellcheck disable=SC3067 # not in POSIX, but dash, busybox and bash all know it
        [ -O "$old" ] || continue
        case $old in
        *.draft-*) ! kill -0 "${old##*.draft-}" 2>/dev/null || continue ;;
        */"$current") ! works "$old" || continue ;;
        esac
        rm -rf "$old" || :
    done
}

# The requirements are complete. Were pip left to look for more, older ones would take the newest
# release of what somebody wants with an extra, and find no hash for it.
build() {
    draft=$ENVIRONMENT.draft-$$
    log=$draft/setup.log
    printf 'Setting up the Python environment in %s (this time only) ...\n' "$ENVIRONMENT" >&2
    mkdir "$draft" || fail "$ENVIRONMENT cannot be made."
    if has uv; then
        quietly uv venv --allow-existing --python "$1" "$draft"
        quietly uv pip install --compile-bytecode --no-deps --require-hashes \
            --python "$draft/bin/python" --requirement "$2"
    else
        quietly "$1" -m venv "$draft"
        quietly env PIP_RETRIES="${PIP_RETRIES:-2}" "$draft/bin/python" -m pip install \
            --no-input --disable-pip-version-check --no-deps --require-hashes --requirement "$2"
    fi
    rm -f "$log"
    "$draft/bin/python" "$ROOT/scripts/lib/finish_environment.py" \
        "$draft" "$ENVIRONMENT" "$ROOT/backend" "$3"
    rm -rf "$draft"
    draft=
}

# In the background, since a shell hears a signal only while it waits.
quietly() {
    "$@" >"$log" 2>&1 &
    step=$!
    wait "$step" || explain
    step=
}

interrupt() {
    [ -z "$step" ] || { kill "$step" && wait "$step"; } 2>/dev/null || :
    exit "$1"
}

explain() {
    step=
    if ! grep -Eiq 'certificate|hash' "$log" &&
        grep -Eiq 'connection|name resolution|resolve host|lookup|timed? ?out|error sending' "$log"
    then
        fail 'The package index cannot be reached, so the Python packages cannot be installed:' \
            'check the network, or the index that pip or uv is set to.'
    fi
    tail -n 15 "$log" >&2
    fail 'The Python packages could not be installed, for the reason above.'
}
