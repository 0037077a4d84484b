#!/usr/bin/env bash
# Makes bench/data/.venv with what bench/data/peers.py runs, all from PyPI. May be run again.
#
#     PYTHON=python3.11 bash bench/data/install.sh
set -euo pipefail

PYTHON=${PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv="$here/.venv"
python="$venv/bin/python"

[ -x "$python" ] || "$PYTHON" -m venv "$venv"
"$python" -m pip --disable-pip-version-check install --quiet datasketch polars numpy

"$python" - <<'END'
import platform
from importlib.metadata import version

print("python", platform.python_version())
for name in ("datasketch", "polars", "numpy"):
    print(name, version(name))
END
