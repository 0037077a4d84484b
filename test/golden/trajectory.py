"""Writes trajectory.json and trajectory.safetensors: how PyTorch trains tiny models, update by update.

    pip install torch transformers safetensors && python test/golden/trajectory.py

Each case starts from the same weights and sees the same batches. Biases and norms are not decayed; gradients are clipped
to a norm of 1; the rate rises over 5 updates and falls to 0 over the rest.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from architectures import CONFIGS, VOCABULARY, numbers

here = Path(__file__).parent
UPDATES, WARMUP, ROWS, LENGTH = 50, 5, 4, 8
CASES = {
    "adamw linear": dict(optimizer="adamw", schedule="linear", sizes=[4]),
    "adamw cosine": dict(optimizer="adamw", schedule="cosine", sizes=[4]),
    "sgd linear": dict(optimizer="sgd", schedule="linear", sizes=[4]),
    # One update of three batches of 4, 4 and 2 rows: the loss is the mean over the ten.
    "adamw accumulated": dict(optimizer="adamw", schedule="linear", sizes=[4, 4, 2]),
}


def factor(schedule, update):
    if update < WARMUP:
        return (update + 1) / WARMUP
    done = (update - WARMUP) / (UPDATES - WARMUP)
    return 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))


def fresh(name, kind):
    torch.manual_seed(5)
    config = AutoConfig.for_model(name, **CONFIGS[name][1], num_labels=3)
    model = kind.from_config(config, attn_implementation="eager").eval()  # no dropout
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            norm = "LayerNorm" in key or ".ln_" in key
            parameter.copy_(torch.randn_like(parameter) * 0.05 if key.endswith("weight") and not norm else torch.zeros_like(parameter))
            if norm and key.endswith("weight"):
                parameter.fill_(1)
    return model


def batches(sizes):
    torch.manual_seed(6)
    made = []
    for _ in range(UPDATES):
        made.append([])
        for rows in sizes:
            lengths = torch.randint(2, LENGTH + 1, (rows,))
            mask = (torch.arange(LENGTH)[None, :] < lengths[:, None]).long()
            ids = torch.randint(5, VOCABULARY, (rows, LENGTH)) * mask
            # Something to be learnt: the label depends on the first token.
            made[-1].append((ids, mask, ids[:, 0] % 3))
    return made


def classify(model, batch):
    ids, mask, labels = batch
    return F.cross_entropy(model(input_ids=ids, attention_mask=mask).logits, labels, reduction="sum"), len(labels)


def predict(model, batch):
    ids, mask, _ = batch
    logits, real = model(input_ids=ids, attention_mask=mask).logits[:, :-1], mask[:, 1:].bool()
    return F.cross_entropy(logits[real], ids[:, 1:][real], reduction="sum"), int(real.sum())


def train(model, loss_of, optimizer, schedule, data):
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}]
    made = {"adamw": lambda: torch.optim.AdamW(groups, lr=1e-3), "sgd": lambda: torch.optim.SGD(groups, lr=0.05, momentum=0.9)}
    optimiser = made[optimizer]()
    rate = optimiser.param_groups[0]["lr"]
    losses, norms = [], []
    for update, window in enumerate(data):
        for group in optimiser.param_groups:
            group["lr"] = rate * factor(schedule, update)
        optimiser.zero_grad()
        parts = [loss_of(model, batch) for batch in window]
        loss = sum(p for p, _ in parts) / sum(n for _, n in parts)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimiser.step()
        losses.append(loss.item())
    return dict(rate=rate, losses=[float(f"{x:.9g}") for x in losses], norms=[float(f"{x:.9g}") for x in norms])


def plain(data):
    return [[dict(ids=i.flatten().tolist(), lengths=m.sum(1).tolist(), labels=l.tolist()) for i, m, l in w] for w in data]


if __name__ == "__main__":
    torch.set_num_threads(1)
    found, tensors = {"updates": UPDATES, "warmup": WARMUP, "length": LENGTH, "cases": {}}, {}
    for name, case in CASES.items():
        model = fresh("bert", AutoModelForSequenceClassification)
        tensors.update({f"bert/{n}": p.detach().clone() for n, p in model.named_parameters()})
        data = batches(case["sizes"])
        found["cases"][name] = {**case, "batches": plain(data), **train(model, classify, case["optimizer"], case["schedule"], data)}
    lm = fresh("gpt2", AutoModelForCausalLM)
    tensors.update({f"gpt2/{n}": p.detach().clone() for n, p in lm.named_parameters()})
    data = batches([4])
    found["lm"] = {"batches": plain(data), **train(lm, predict, "adamw", "linear", data)}
    save_file(tensors, here / "trajectory.safetensors", {"format": "pt"})
    (here / "trajectory.json").write_text(json.dumps(found) + "\n")
    for name, case in {**found["cases"], "lm": found["lm"]}.items():
        print(name, case["losses"][0], case["losses"][-1])
