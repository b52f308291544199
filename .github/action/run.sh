#!/usr/bin/env bash
# Calls `caseway ci` with the action's inputs. Everything arrives through the environment, nothing is evaluated.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

if [ -n "$INPUT_SERVER" ]; then export CASEWAY_SERVER="$INPUT_SERVER"; fi
if [ -n "$INPUT_TOKEN" ]; then export CASEWAY_TOKEN="$INPUT_TOKEN"; fi

arguments=(ci "--do=$INPUT_DO" "--stage=$INPUT_STAGE" "--preview=$INPUT_PREVIEW")
if [ "$INPUT_PREVIEWS" != true ]; then arguments+=(--no-previews); fi
if [ "$INPUT_COMMENTS" != true ]; then arguments+=(--no-comments); fi
if [ "$INPUT_CHECKS" != true ]; then arguments+=(--no-checks); fi
if [ "$INPUT_STRICT" = true ]; then arguments+=(--strict); fi
if [ "$INPUT_PRUNE" = true ]; then arguments+=(--prune); fi
if [ "$INPUT_ALLOW_MASS_DELETE" = true ]; then arguments+=(--allow-mass-delete); fi

# -I: the interpreter looks neither into the repository nor at PYTHON* variables for what it imports.
exec "$FOLDER/bin/python" -I "$here/.github/action/caseway.py" "${arguments[@]}" -- "$INPUT_PATH"
