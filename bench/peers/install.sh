#!/usr/bin/env bash
# Makes bench/peers/.venv with what bench/peers/peer.py runs, all from PyPI. May be run again.
#
#     PYTHON=python3.11 bash bench/peers/install.sh
#
# Needs a C++ compiler as well (g++) and Python's headers: torch.compile builds its kernels with it.
set -euo pipefail

PYTHON=${PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv="$here/.venv"
python="$venv/bin/python"

[ -x "$python" ] || "$PYTHON" -m venv "$venv"
pip() { "$python" -m pip --disable-pip-version-check install --quiet "$@"; }

pip torch==2.15.0 transformers==5.23.0 numpy safetensors tqdm pyyaml scipy setuptools
# TextBrewer asks for tensorboard only to import its SummaryWriter, torchdistill for cython only to build one:
# tensorboardX and nothing do.
pip --no-deps textbrewer==0.2.1.post1 torchdistill==1.1.5
pip tensorboardX
# torchdistill imports torchvision for its list of models, and Pillow through it. Without its own wish for a torch.
pip --no-deps torchvision==0.29.2
pip pillow

"$python" - <<'END'
import platform
from importlib.metadata import version

import torch
import torchdistill.core.distillation  # noqa: F401
import textbrewer  # noqa: F401

print("python", platform.python_version())
for name in ("torch", "transformers", "safetensors", "numpy", "torchvision", "textbrewer", "torchdistill", "tensorboardX"):
    print(name, version(name))
print("cpu", torch.backends.cpu.get_cpu_capability())
END
