"""Divergences of logits by their formulas, in PyTorch. Run alone it writes divergence.json: values and gradients."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

here = Path(__file__).parent


def distributions(teacher, student, temperature):
    return F.softmax(teacher / temperature, -1), F.softmax(student / temperature, -1)


def kl(p, q):
    return (p * (p / q).log()).sum(-1)


def factor(temperature):
    """T², one for all or one of each row."""
    return temperature**2 if not torch.is_tensor(temperature) or temperature.ndim == 0 else temperature.squeeze(-1) ** 2


def forward(teacher, student, temperature):
    p, q = distributions(teacher, student, temperature)
    return factor(temperature) * kl(p, q)


def reverse(teacher, student, temperature):
    p, q = distributions(teacher, student, temperature)
    return factor(temperature) * kl(q, p)


def jensen_shannon(beta, rescale):
    def divergence(teacher, student, temperature):
        p, q = distributions(teacher, student, temperature)
        m = beta * p + (1 - beta) * q
        each = beta * kl(p, m) + (1 - beta) * kl(q, m)
        return factor(temperature) * (each / (beta * (1 - beta)) if rescale else each)

    return divergence


def mse(teacher, student, temperature):
    return ((teacher - student) ** 2).mean(-1)


def js(beta, rescale=False):
    return {"type": "jensen-shannon", "beta": beta, "rescale": rescale}


DIVERGENCES = {
    "forward": ({"type": "forward"}, forward),
    "reverse": ({"type": "reverse"}, reverse),
    "jensen-shannon": (js(0.5), jensen_shannon(0.5, False)),
    "jensen-shannon-0.1": (js(0.1), jensen_shannon(0.1, False)),
    "jensen-shannon-0.9-rescaled": (js(0.9, True), jensen_shannon(0.9, True)),
    "jensen-shannon-0": (js(0), forward),
    "jensen-shannon-1": (js(1), reverse),
    "mse": ({"type": "mse"}, mse),
}

if __name__ == "__main__":
    generator = torch.Generator().manual_seed(5)
    shape = (3, 2, 5)
    teacher, student = (2 * torch.randn(*shape, generator=generator) for _ in range(2))
    TEMPERATURES = {
        "one": torch.tensor(1.0),
        "number": torch.tensor(2.5),
        "rows": 0.5 + 2 * torch.rand(3, 1, 1, generator=generator),
        "tokens": 0.5 + 2 * torch.rand(3, 2, 1, generator=generator),
    }
    # Not a plain sum, so that a gradient that comes to the wrong row is seen.
    weights = torch.arange(1.0, 7).view(3, 2)
    cases = []
    for name, (options, divergence) in DIVERGENCES.items():
        for which, given in TEMPERATURES.items():
            s, temperature = student.clone().requires_grad_(), given.clone().requires_grad_()
            each = divergence(teacher, s, temperature)
            (each * weights).sum().backward()
            cases.append(
                {
                    "name": f"{name}, temperature {which}",
                    "options": options,
                    "temperature": {"shape": list(given.shape), "data": given.flatten().tolist()},
                    "value": each.flatten().tolist(),
                    "student": s.grad.flatten().tolist(),
                    "temperatureGradient": None if temperature.grad is None else temperature.grad.flatten().tolist(),
                }
            )
    found = {
        "shape": shape,
        "teacher": teacher.flatten().tolist(),
        "student": student.flatten().tolist(),
        "weights": weights.flatten().tolist(),
        "cases": cases,
    }
    (here / "divergence.json").write_text(json.dumps(found) + "\n")
