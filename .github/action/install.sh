#!/usr/bin/env bash
# Installs the pinned dependencies into FOLDER, whole or not at all; does nothing when they are there.
# Caseway itself is not installed: it runs from the action's own checkout, which is the pinned commit.
set -euo pipefail

if [ -e "$FOLDER/.complete" ]; then
  exit 0
fi

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
mkdir -p "$(dirname "$FOLDER")"
making="$(mktemp -d "$FOLDER.XXXXXX")"
trap 'rm -rf "$making"' EXIT

cd "$making" # what the repository holds is never a package here
if "$PYTHON" -I -m pip --version >/dev/null 2>&1; then
  "$PYTHON" -I -m venv --without-pip "$making"
  pip=("$PYTHON" -I -m pip --python "$making/bin/python")
else
  "$PYTHON" -I -m venv "$making"
  pip=("$making/bin/python" -I -m pip)
fi
# Hashes are checked and nothing is built from source.
"${pip[@]}" install --quiet --disable-pip-version-check --no-input \
  --no-compile --require-hashes --only-binary :all: --requirement "$here/requirements.lock"
touch "$making/.complete"

# Two jobs on one machine may get here at once: the first one wins, and both have the same.
if ! mv -T "$making" "$FOLDER" 2>/dev/null && [ ! -e "$FOLDER/.complete" ]; then
  rm -rf "$FOLDER"
  mv -T "$making" "$FOLDER"
fi
