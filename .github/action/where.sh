#!/usr/bin/env bash
# Says where the dependencies belong, under which key they are cached, and whether they are there already.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
if ! command -v "$PYTHON" >/dev/null; then
  echo "::error title=Caseway::There is no Python here; add actions/setup-python before this step"
  exit 1
fi
if ! version="$("$PYTHON" -I -c 'import sys; print(".".join(map(str, sys.version_info[:3]))); sys.exit(sys.version_info < (3, 11))')"; then
  echo "::error title=Caseway::Caseway needs Python 3.11 or newer and this is $version; add actions/setup-python before this step"
  exit 1
fi

locked="$("$PYTHON" -I -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])' "$here/requirements.lock")"
key="caseway-$(uname -s)-$(uname -m)-$version-$locked"
folder="${RUNNER_TOOL_CACHE:-$HOME/.cache}/caseway/$key"
installed=false
if [ -e "$folder/.complete" ]; then installed=true; fi

{
  echo "key=$key"
  echo "folder=$folder"
  echo "installed=$installed"
} >>"$GITHUB_OUTPUT"
