"""Writes peers.json: what other packages' own losses give for some tensors, and their gradients with respect to the student's.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install torch transformers sentence-transformers accelerate datasets trl pillow tensorboardX
    /tmp/peers/bin/pip install --no-deps torchvision torchdistill textbrewer
    TRL_EXPERIMENTAL_SILENCE=1 /tmp/peers/bin/python test/golden/peers.py

textbrewer and torchdistill ask for what their losses do not need, hence --no-deps.
"""

import json
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import torch
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from textbrewer import losses as textbrewer
from torchdistill.losses.mid_level import KDLoss
from trl.experimental.gkd import GKDTrainer

from architectures import numbers

here = Path(__file__).parent
generator = torch.Generator().manual_seed(3)
ROWS, LENGTH, HEADS, WIDTH, LABELS = 3, 5, 2, 8, 4
LENGTHS = [5, 3, 1]
mask = (torch.arange(LENGTH)[None, :] < torch.tensor(LENGTHS)[:, None]).float()
# What transformers adds to the scores of what is masked.
MASKED = (1 - mask)[:, None, None, :] * -10000.0


def pair(*shape):
    """The student's and the teacher's."""
    return tuple(2 * torch.randn(*shape, generator=generator) for _ in range(2))


tensors = {
    "logits": pair(ROWS, LABELS),
    "states": pair(ROWS, LENGTH, WIDTH),
    "scores": pair(ROWS, HEADS, LENGTH, LENGTH),
    "vectors": pair(ROWS, WIDTH),
}


def torchdistill(temperature, **options):
    def loss(student, teacher):
        io = [{"head": {"output": logits}} for logits in (student, teacher)]
        labels = torch.zeros(ROWS, dtype=torch.long)
        return KDLoss("head", "output", "head", "output", temperature, **options)(*io, labels)

    return loss


def trl(beta, temperature):
    return lambda s, t: GKDTrainer.generalized_jsd_loss(s, t, beta=beta, temperature=temperature)


def ranking(scale):
    """sentence-transformers asks for a model only to embed texts with it."""
    loss = MultipleNegativesRankingLoss(SimpleNamespace(), scale=scale)
    return lambda s, t: loss.compute_loss_from_embeddings([s, t], None)


CASES = {
    "textbrewer kd_ce_loss, temperature 2": ("logits", lambda s, t: textbrewer.kd_ce_loss(s, t, 2)),
    "textbrewer kd_mse_loss": ("logits", lambda s, t: textbrewer.kd_mse_loss(s, t)),
    "textbrewer kd_mse_loss, temperature 2": ("logits", lambda s, t: textbrewer.kd_mse_loss(s, t, 2)),
    "textbrewer hid_mse_loss": ("states", lambda s, t: textbrewer.hid_mse_loss(s, t, mask)),
    "textbrewer hid_mse_loss, no mask": ("states", lambda s, t: textbrewer.hid_mse_loss(s, t)),
    "textbrewer cos_loss": ("states", lambda s, t: textbrewer.cos_loss(s, t, mask)),
    "textbrewer pkd_loss": ("states", lambda s, t: textbrewer.pkd_loss(s, t)),
    "textbrewer att_mse_loss": ("scores", lambda s, t: textbrewer.att_mse_loss(s, t, mask)),
    "textbrewer att_mse_loss, no mask": ("scores", lambda s, t: textbrewer.att_mse_loss(s + MASKED, t + MASKED)),
    "textbrewer att_ce_loss": ("scores", lambda s, t: textbrewer.att_ce_loss(s + MASKED, t + MASKED, mask)),
    "torchdistill KDLoss, temperature 2, no alpha": ("logits", torchdistill(2, beta=1)),
    "torchdistill KDLoss, temperature 2, alpha 0": ("logits", torchdistill(2, alpha=0)),
    "torchdistill KDLoss, temperature 2, beta alone": ("logits", torchdistill(2, alpha=1e-9, beta=1)),
    **{
        f"trl generalized_jsd_loss, beta {beta}, temperature {temperature}": ("logits", trl(beta, temperature))
        for beta in (0, 0.1, 0.5, 1)
        for temperature in (1, 2)
    },
    "sentence-transformers MultipleNegativesRankingLoss, scale 4": ("vectors", ranking(4.0)),
}

cases = {}
for name, (which, loss) in CASES.items():
    student, teacher = tensors[which]
    own = student.clone().requires_grad_()
    value = loss(own, teacher)
    value.backward()
    cases[name] = {"of": which, "loss": numbers(value)[0], "gradient": numbers(own.grad)}

(here / "peers.json").write_text(
    json.dumps(
        {
            "versions": {name: version(name) for name in ("textbrewer", "torchdistill", "trl", "sentence-transformers")},
            "mask": mask.flatten().tolist(),
            "tensors": {
                name: {"shape": list(s.shape), "student": numbers(s), "teacher": numbers(t)}
                for name, (s, t) in tensors.items()
            },
            "cases": cases,
        }
    )
    + "\n"
)
