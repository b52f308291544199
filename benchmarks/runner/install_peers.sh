#!/bin/sh
# Makes a throw-away environment with the peers that compare.py measures: sh install_peers.sh FOLDER
# FastAPI is held back because Prefect 3.8.8 uses an argument that later ones no longer take.
set -eu
python3 -m venv "$1"
"$1/bin/pip" install --quiet "prefect==3.8.8" "fastapi==0.139.*" "dbos==3.4.0" "psycopg[binary]" httpx
"$1/bin/pip" list 2>/dev/null | grep -i -E '^(prefect|dbos|sqlalchemy) '
