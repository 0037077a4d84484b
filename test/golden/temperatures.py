"""Temperatures that follow each row or are learnt, in PyTorch. Run alone it writes temperatures.json: the temperatures, the
forward KL at them (mean over real rows) and its gradients by the student's logits and by what is learnt."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

here = Path(__file__).parent
torch.manual_seed(7)

ROWS, CLASSES, REAL = 5, 4, 4
student = (2 * torch.randn(ROWS, CLASSES)).requires_grad_()
teacher = 2 * torch.randn(ROWS, CLASSES)
rows = torch.tensor([1.0] * REAL + [0.0] * (ROWS - REAL))


def around(base, beta, weight):
    """TextBrewer's base + (mean − w)·beta; the last row only fills up the batch."""
    return base + (weight[:REAL].mean() - weight) * beta


def flsw(base, beta, gamma):
    """textbrewer/presets.py, flsw_temperature_scheduler_builder."""
    v, t = student.detach(), teacher.detach()
    v = v / (torch.norm(v, dim=-1, keepdim=True) + 1e-4)
    t = t / (torch.norm(t, dim=-1, keepdim=True) + 1e-4)
    return around(base, beta, torch.pow(1 - (v * t).sum(dim=-1), gamma))


def cwsm(base, beta):
    """textbrewer/presets.py, cwsm_temperature_scheduler_builder."""
    v = torch.softmax(student.detach(), dim=-1)
    return around(base, beta, 1 / (v.max(dim=-1)[0] + 1e-3))


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


theta = torch.tensor([0.3], requires_grad=True)


def learnt(lowest, highest, strength):
    return lowest + (highest - lowest) * torch.sigmoid(Reverse.apply(theta, strength))


CASES = {
    "flsw": ({"schedule": "flsw", "base": 8, "beta": 2, "gamma": 1}, lambda: flsw(8, 2, 1)),
    "flsw, a power": ({"schedule": "flsw", "base": 4, "beta": 1, "gamma": 2}, lambda: flsw(4, 1, 2)),
    "cwsm": ({"schedule": "cwsm", "base": 8, "beta": 2}, lambda: cwsm(8, 2)),
    "learnt": (
        {"schedule": "learnt", "lowest": 1, "highest": 21, "strength": 0.7},
        lambda: learnt(1, 21, 0.7).expand(ROWS),
    ),
}

cases = {}
for name, (options, make) in CASES.items():
    student.grad = theta.grad = None
    t = make()
    column = t.unsqueeze(-1)
    p, q = F.softmax(teacher / column, -1), F.log_softmax(student / column, -1)
    each = t**2 * (p * (p.log() - q)).sum(-1)
    loss = (each * rows).sum() / rows.sum()
    loss.backward()
    cases[name] = {
        "options": options,
        "temperature": t[:REAL].tolist(),
        "loss": loss.item(),
        "student": student.grad.flatten().tolist(),
        "theta": None if theta.grad is None else theta.grad.tolist(),
    }

if __name__ == "__main__":
    golden = {
        "shape": [ROWS, CLASSES],
        "student": student.detach().flatten().tolist(),
        "teacher": teacher.flatten().tolist(),
        "rows": rows.tolist(),
        "theta": theta.tolist(),
        "cases": cases,
    }
    (here / "temperatures.json").write_text(json.dumps(golden) + "\n")
