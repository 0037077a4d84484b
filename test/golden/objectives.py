"""Writes objectives.json and objectives.safetensors: each objective's loss and gradients, by its formula, in PyTorch.

The student is the BERT of architectures.py (run that first); what the teacher said is random and in float16, as a cache has it.
objectives.safetensors holds the gradients as `<case>/<parameter>`; projections are `<case>/objective.0.<name>`.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from transformers import AutoConfig, AutoModelForSequenceClassification

from architectures import CONFIGS, LENGTHS, numbers, scores
from divergence import DIVERGENCES, forward

here = Path(__file__).parent
TEACHER_HIDDEN = 6
TEACHER_LAYERS = 4

config = AutoConfig.for_model("bert", **CONFIGS["bert"][1], num_labels=3)
model = AutoModelForSequenceClassification.from_config(config, attn_implementation="catching").eval()
model.load_state_dict(load_file(here / "bert.safetensors"), strict=False)


def run(model, ids, mask):
    scores.clear()
    out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    return out.logits, list(out.hidden_states), list(scores)


found = json.loads((here / "bert.json").read_text())
rows, length = len(LENGTHS), max(LENGTHS)
ids = torch.tensor(found["ids"]).view(rows, length)
mask = (torch.arange(length)[None, :] < torch.tensor(LENGTHS)[:, None]).long()
generator = torch.Generator().manual_seed(11)


def half(*shape):
    return torch.randn(*shape, generator=generator).half().float()


# The last row only fills up the batch: it has tokens here, but counts for nothing.
real = torch.tensor([1.0, 1.0, 1.0, 0.0])
mask[3] = 0
labels = [2, None, 0, None]
teacher_logits = 2 * half(rows, config.num_labels)
teacher_hidden = {n: half(rows, length, TEACHER_HIDDEN) for n in (0, 2, 4)}
teacher_scores = {n: half(rows, config.num_attention_heads, length, length) for n in (2, 4)}
shared = torch.nn.Parameter(half(TEACHER_HIDDEN, config.hidden_size))
own = [torch.nn.Parameter(half(TEACHER_HIDDEN, config.hidden_size)) for _ in range(3)]
tokens = [(b, i) for b, n in enumerate(LENGTHS[:3]) for i in range(n)]


def hard_label(logits, hidden, scores):
    known = [b for b, label in enumerate(labels) if label is not None]
    return F.cross_entropy(logits[known], torch.tensor([labels[b] for b in known]))


def soft_label(temperature, divergence=forward):
    def loss(logits, hidden, scores):
        return divergence(teacher_logits[:3], logits[:3], temperature).mean()

    return loss


def hidden_states(projections):
    """The mean over pairs of the mean squared error over real tokens and teacher dimensions."""

    def loss(logits, hidden, scores):
        pairs = [(0, 0), (1, 2), (2, 4)]
        where = tuple(torch.tensor(tokens).T)
        each = [
            F.mse_loss(F.linear(hidden[s][where], w), teacher_hidden[t][where])
            for (s, t), w in zip(pairs, projections, strict=True)
        ]
        return sum(each) / len(each)

    return loss


def attention(logits, hidden, scores):
    """The mean over layers of the mean squared error over heads and pairs of real tokens."""
    each = []
    for s, t in [(1, 2), (2, 4)]:
        own, target = [], []
        for b, n in enumerate(LENGTHS[:3]):
            own.append(scores[s - 1][b, :, :n, :n].flatten())
            target.append(teacher_scores[t][b, :, :n, :n].flatten())
        each.append(F.mse_loss(torch.cat(own), torch.cat(target)))
    return sum(each) / len(each)


soft = {"type": "soft-label", "weight": 1, "teacher": 1}
uniform = {"weight": 1, "teacher": 1, "layer_map": "uniform"}
cases = {
    "hard-label": ({"type": "hard-label", "weight": 1}, hard_label, {}),
    "soft-label-1": ({**soft, "temperature": 1, "divergence": {"type": "forward"}}, soft_label(1), {}),
    **{
        f"soft-label-2{'' if name == 'forward' else '-' + name}": (
            {**soft, "temperature": 2, "divergence": options},
            soft_label(2, divergence),
            {},
        )
        for name, (options, divergence) in DIVERGENCES.items()
        if name != "mse"
    },
    "soft-label-mse": (
        {**soft, "temperature": 1, "divergence": {"type": "mse"}},
        soft_label(1, DIVERGENCES["mse"][1]),
        {},
    ),
    "hidden-shared": (
        {"type": "hidden-states", **uniform, "projection": "shared"},
        hidden_states([shared] * 3),
        {"projection": shared},
    ),
    "hidden-per-layer": (
        {"type": "hidden-states", **uniform, "projection": "per-layer"},
        hidden_states(own),
        {f"projection.{i}": w for i, w in enumerate(own)},
    ),
    "attention": ({"type": "attention", **uniform}, attention, {}),
}

gradients, losses = {}, {}
for case, (options, loss, extra) in cases.items():
    model.zero_grad()
    for w in extra.values():
        w.grad = None
    value = loss(*run(model, ids, mask))
    value.backward()
    losses[case] = {"options": options, "loss": numbers(value)[0]}
    for name, parameter in model.named_parameters():
        # Where autograd gives zeros only (a pad row aside), the loss does not reach the parameter.
        if parameter.grad is not None:
            gradients[f"{case}/{name}"] = parameter.grad.clone()
    for name, w in extra.items():
        gradients[f"{case}/objective.0.{name}"] = w.grad.clone()
save_file(gradients, here / "objectives.safetensors")
(here / "objectives.json").write_text(
    json.dumps(
        {
            "cases": losses,
            "rows": real.tolist(),
            "mask": mask.float().flatten().tolist(),
            "labels": labels,
            "teacher": {
                "layers": TEACHER_LAYERS,
                "hidden": TEACHER_HIDDEN,
                "logits": numbers(teacher_logits),
                "hiddenStates": {n: numbers(t) for n, t in teacher_hidden.items()},
                "attentionScores": {n: numbers(t) for n, t in teacher_scores.items()},
            },
            "projections": {
                "projection": numbers(shared),
                **{f"projection.{i}": numbers(w) for i, w in enumerate(own)},
            },
        }
    )
    + "\n"
)
