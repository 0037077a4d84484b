"""Writes together.json and together.safetensors: how PyTorch trains tiny models that learn together, or from themselves.

    pip install torch transformers safetensors && python test/golden/together.py

mutual: deep mutual learning of a BERT and a DistilBERT; both see the other's answers of before the update (Zhang et al.
2018). average: a mean teacher (Tarvainen & Valpola 2017). exits: a head after the first of two layers that learns from the
last (Zhang et al. 2019). Batches, decay, clipping and the rate are those of trajectory.py; each model is clipped by itself.
"""

import copy
import json

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification

import trajectory
from trajectory import LENGTH, WARMUP, batches, factor, here, plain

RATE, UPDATES, DECAY, TEMPERATURE, SOFT = 3e-3, 20, 0.9, 2.0, 2.0
TOTAL = 50  # of the schedule in trajectory.py


def fresh(name):
    model = trajectory.fresh(name, AutoModelForSequenceClassification)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(5)  # so that what they say is not all the same
    return model


def adamw(named):
    decayed = [p for _, p in named if p.ndim > 1]
    others = [p for _, p in named if p.ndim == 1]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}], lr=RATE)


def soft(teacher, student):
    t, s = (F.log_softmax(x / TEMPERATURE, -1) for x in (teacher.detach(), student))
    return TEMPERATURE**2 * F.kl_div(s, t, reduction="batchmean", log_target=True)


def step(optimisers, parameters, loss, update):
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = RATE * factor("linear", update)
        optimiser.zero_grad()
    loss.backward()
    for own in parameters:
        nn.utils.clip_grad_norm_(own, 1.0)
    for optimiser in optimisers:
        optimiser.step()


def logits(model, batch):
    return model(input_ids=batch[0], attention_mask=batch[1]).logits


def mutual(tensors, data):
    models = [fresh(name) for name in ("bert", "distilbert")]
    for k, model in enumerate(models):
        tensors.update({f"mutual/peer.{k}.{n}": p.detach().clone() for n, p in model.named_parameters()})
    optimisers = [adamw(list(model.named_parameters())) for model in models]
    losses = []
    for update, batch in enumerate(data):
        said = [logits(model, batch) for model in models]
        hard = [F.cross_entropy(z, batch[2]) for z in said]
        kl = [soft(said[1], said[0]), soft(said[0], said[1])]
        loss = sum(hard) + SOFT * sum(kl)
        losses.append([x.item() for pair in zip(hard, kl) for x in pair])
        step(optimisers, [list(model.parameters()) for model in models], loss, update)
    return losses


def average(tensors, data):
    model = fresh("bert")
    tensors.update({f"average/{n}": p.detach().clone() for n, p in model.named_parameters()})
    teacher = copy.deepcopy(model)
    optimiser = adamw(list(model.named_parameters()))
    losses = []
    for update, batch in enumerate(data):
        z = logits(model, batch)
        hard, kl = F.cross_entropy(z, batch[2]), soft(logits(teacher, batch), z)
        losses.append([hard.item(), kl.item()])
        step([optimiser], [list(model.parameters())], hard + SOFT * kl, update)
        d = min(DECAY, 1 - 1 / (update + 2))
        with torch.no_grad():
            for mean, own in zip(teacher.parameters(), model.parameters()):
                mean.mul_(d).add_(own, alpha=1 - d)
    return losses


def exits(tensors, data):
    model = fresh("bert")
    torch.manual_seed(8)
    pooler, classifier = (copy.deepcopy(m) for m in (model.bert.pooler, model.classifier))
    with torch.no_grad():
        for parameter in (*pooler.parameters(), *classifier.parameters()):
            parameter.copy_(torch.randn_like(parameter) * 0.25)
    own = {f"exit.1.bert.pooler.{n}": p for n, p in pooler.named_parameters()}
    own.update({f"exit.1.classifier.{n}": p for n, p in classifier.named_parameters()})
    everything = [*model.named_parameters(), *own.items()]
    tensors.update({f"exits/{n}": p.detach().clone() for n, p in everything})
    optimiser = adamw(everything)
    losses = []
    for update, batch in enumerate(data):
        out = model(input_ids=batch[0], attention_mask=batch[1], output_hidden_states=True)
        middle, last = out.hidden_states[1:]
        z = classifier(pooler(middle))
        real = batch[1].bool()
        terms = [F.cross_entropy(z, batch[2]), soft(out.logits, z), F.mse_loss(middle[real], last.detach()[real])]
        deep = F.cross_entropy(out.logits, batch[2])
        losses.append([x.item() for x in (*terms, deep)])
        step([optimiser], [[p for _, p in everything]], terms[0] + SOFT * terms[1] + terms[2] + deep, update)
    return losses


if __name__ == "__main__":
    torch.set_num_threads(1)
    tensors = {}
    windows = batches([4])[:UPDATES]
    data = [window[0] for window in windows]
    found = dict(updates=UPDATES, total=TOTAL, warmup=WARMUP, length=LENGTH, rate=RATE, decay=DECAY, temperature=TEMPERATURE,
                 soft=SOFT, batches=[window[0] for window in plain(windows)])
    for case in (mutual, average, exits):
        losses = case(tensors, data)
        found[case.__name__] = [[float(f"{x:.9g}") for x in each] for each in losses]
        print(case.__name__, losses[0], losses[-1])
    save_file(tensors, here / "together.safetensors", {"format": "pt"})
    (here / "together.json").write_text(json.dumps(found) + "\n")
