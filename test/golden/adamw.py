"""Writes adamw.json: 50 updates by torch.optim.AdamW with clipping and a linear schedule."""

import json
from pathlib import Path

import torch

from bert import numbers

UPDATES, WARMUP, RATE, DECAY = 50, 0.1, 0.01, 0.01
SHAPES = {"matrix": (3, 5), "bias": (7,), "rare": (4, 2)}
generator = torch.Generator().manual_seed(5)


def rate(update):
    """Up over the first tenth, down to 0."""
    rising = round(UPDATES * WARMUP)
    return RATE * ((update + 1) / rising if update < rising else (UPDATES - update) / (UPDATES - rising))


parameters = {n: torch.nn.Parameter(torch.randn(s, generator=generator)) for n, s in SHAPES.items()}
initial = {n: numbers(p) for n, p in parameters.items()}
groups = [
    {"params": [parameters["matrix"], parameters["rare"]], "weight_decay": DECAY},
    {"params": [parameters["bias"]], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=RATE, foreach=False)
gradients, norms, after = [], [], {}
for update in range(UPDATES):
    given = {}
    for name, p in parameters.items():
        # "rare" gets a gradient every third time only. Every other update's gradients are small: no clipping.
        if name == "rare" and update % 3 != 0:
            p.grad = None
            continue
        p.grad = torch.randn(p.shape, generator=generator) * (2.0 if update % 2 else 0.1)
        given[name] = numbers(p.grad)
    gradients.append(given)
    norms.append(numbers(torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0))[0])
    for group in optimizer.param_groups:
        group["lr"] = rate(update)
    optimizer.step()
    if update + 1 in (1, 10, UPDATES):
        after[update + 1] = {n: numbers(p) for n, p in parameters.items()}
Path(__file__).with_name("adamw.json").write_text(
    json.dumps(
        {
            "rate": RATE,
            "warmup": WARMUP,
            "weightDecay": DECAY,
            "shapes": SHAPES,
            "decayed": ["matrix", "rare"],
            "initial": initial,
            "gradients": gradients,
            "norms": norms,
            "after": after,
        }
    )
    + "\n"
)
