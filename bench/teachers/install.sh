#!/usr/bin/env bash
# Makes bench/teachers/.venv with what bench/teachers/*.py runs, all from PyPI. May be run again.
#
#     PYTHON=python3.11 bash bench/teachers/install.sh
set -euo pipefail

PYTHON=${PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv="$here/.venv"
python="$venv/bin/python"

[ -x "$python" ] || "$PYTHON" -m venv "$venv"
# The last four as pip chose them for the first two on 2026-11-24: they decide how fast requests go out.
"$python" -m pip --disable-pip-version-check install --quiet \
  'distilabel[openai]==1.5.3' bespokelabs-curator==0.1.31 \
  openai==2.30.0 httpx==0.28.1 aiohttp==3.13.5 litellm==1.83.7

"$python" - <<'END'
import platform
from importlib.metadata import version

print("python", platform.python_version())
for name in ("distilabel", "bespokelabs-curator", "openai", "httpx", "aiohttp", "litellm"):
    print(name, version(name))
END
