# Prepare: makes .venv and everything in it; read by ./run and ./test. Says in one line what is missing.

fail() {
  echo "placewatch: $*" >&2
  exit 2
}

# What is given goes to `uv sync`, such as --extra simulate.
prepare() {
  # One at a time: two first starts side by side would build into the same folder.
  if command -v flock >/dev/null; then
    exec 9>.prepare.lock
    flock 9
  fi
  prepare_alone "$@"
  compile_alone
  if command -v flock >/dev/null; then
    exec 9>&-
  fi
}

prepare_alone() {
  local python=""
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python="$candidate"
      break
    fi
  done

  local stamp=.venv/.prepared
  if [ -f "$stamp" ] && [ -z "$(find pyproject.toml uv.lock tools web -path web/node_modules -prune -o -type f -newer "$stamp" -print -quit)" ] &&
    [[ "$(cat "$stamp")" == "$PWD"*"$*" ]]; then
    return
  fi

  [ -n "$python" ] || fail "Python 3.11 or newer is missing: install it (Debian: apt install python3 python3-venv)"
  if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null || [[ "$(cat "$stamp" 2>/dev/null || echo "$PWD")" != "$PWD"* ]]; then
    echo "placewatch: making .venv" >&2
    "$python" -m venv --clear .venv >&2 || fail "venv is missing: install it (Debian: apt install python3-venv)"
  fi
  if [ ! -x .venv/bin/uv ]; then
    echo "placewatch: installing uv" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9" >&2 ||
      fail "uv could not be installed: is the Python package index (pypi.org) reachable from here?"
  fi
  echo "placewatch: installing what it needs and building the console (a minute or two, once)" >&2
  VIRTUAL_ENV= .venv/bin/uv sync --locked --inexact --system-certs --compile-bytecode --quiet "$@" >&2 ||
    fail "the packages could not be installed: see above; is pypi.org and registry.npmjs.org reachable from here?"
  printf '%s' "$PWD $*" >"$stamp"
}

# What is compiled at the first start, or at the first after an update, would else be compiled while the first road users pass.
compile_alone() {
  local stamp=.venv/.compiled
  if [ "$stamp" -nt .venv/.prepared ] && [ -z "$(find src -name '*.py' -newer "$stamp" -print -quit)" ]; then
    return
  fi
  echo "placewatch: compiling what watches (two or three minutes, once)" >&2
  touch "$stamp.begun"  # what is edited meanwhile is compiled the next time
  .venv/bin/python -m placewatch.node.warm >/dev/null 2>&1 &
  .venv/bin/placewatch watch "street:main?seed=1&duration_s=3&width=480&height=270" --json - >/dev/null 2>&1 || true
  wait $! || true
  mv "$stamp.begun" "$stamp"
}
