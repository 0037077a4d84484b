"""Writes objectives.json and objectives.safetensors: each objective's loss and gradients, by its formula, in PyTorch.

The student is the BERT of architectures.py (run that first); what the teacher said is random and in float16, as a cache has it.
objectives.safetensors holds the gradients as `<case>/<parameter>`; projections and the like are `<case>/objective.0.<name>`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from transformers import AutoConfig, AutoModelForSequenceClassification

from architectures import CONFIGS, LENGTHS, numbers, scores
from divergence import DIVERGENCES, forward

here = Path(__file__).parent
TEACHER_HIDDEN = 6
# Of its values, all heads side by side.
TEACHER_VALUES = 8
TEACHER_LAYERS = 4

config = AutoConfig.for_model("bert", **CONFIGS["bert"][1], num_labels=3)
model = AutoModelForSequenceClassification.from_config(config, attn_implementation="catching").eval()
model.load_state_dict(load_file(here / "bert.safetensors"), strict=False)


def run(model, ids, mask):
    """Logits, hidden states, attention scores and values (heads side by side) of each layer."""
    scores.clear()
    values = []
    hooks = [
        layer.attention.self.value.register_forward_hook(lambda module, given, out: values.append(out))
        for layer in model.bert.encoder.layer
    ]
    out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    for hook in hooks:
        hook.remove()
    return Student(out.logits, list(out.hidden_states), list(scores), values)


@dataclass
class Student:
    logits: torch.Tensor
    hidden: list
    scores: list
    values: list


@dataclass
class Case:
    options: dict
    loss: Callable[[Student], torch.Tensor]
    parameters: dict = field(default_factory=dict)
    teacher: str = "narrow"


found = json.loads((here / "bert.json").read_text())
rows, length = len(LENGTHS), max(LENGTHS)
ids = torch.tensor(found["ids"]).view(rows, length)
mask = (torch.arange(length)[None, :] < torch.tensor(LENGTHS)[:, None]).long()
generator = torch.Generator().manual_seed(11)


def half(*shape):
    return torch.randn(*shape, generator=generator).half().float()


def learnt(*shape):
    return torch.nn.Parameter(half(*shape))


# The last row only fills up the batch: it has tokens here, but counts for nothing.
real = torch.tensor([1.0, 1.0, 1.0, 0.0])
mask[3] = 0
labels = [2, None, 0, None]
WIDTH, HEADS = config.hidden_size, config.num_attention_heads
teacher_logits = 2 * half(rows, config.num_labels)
teacher_hidden = {n: half(rows, length, TEACHER_HIDDEN) for n in (0, 2, 4)}
teacher_scores = {n: half(rows, HEADS, length, length) for n in (2, 4)}
teacher_values = {n: 2 * half(rows, length, TEACHER_VALUES) for n in (2, 4)}
# Another teacher is as wide as the student.
wide_hidden = {n: half(rows, length, WIDTH) for n in (2, 4)}
tokens = [(b, i) for b, n in enumerate(LENGTHS[:3]) for i in range(n)]
where = tuple(torch.tensor(tokens).T)


def hard_label(student):
    known = [b for b, label in enumerate(labels) if label is not None]
    return F.cross_entropy(student.logits[known], torch.tensor([labels[b] for b in known]))


def soft_label(temperature, divergence=forward):
    return lambda student: divergence(teacher_logits[:3], student.logits[:3], temperature).mean()


def cosine_distance(a, b):
    """DistilBERT's: its code has CosineEmbeddingLoss with targets of 1."""
    return F.cosine_embedding_loss(a, b, torch.ones(len(a)))


def combined(layers, which, weights):
    """Layers of the teacher, put together by learnt weights."""
    return sum(w * layers[t] for w, t in zip(F.softmax(weights, 0), which, strict=True))


def mean(each):
    return sum(each) / len(each)


def hidden_states(pairs, projections, distance=F.mse_loss):
    """
    The mean over pairs of a distance, itself a mean over real tokens (and teacher dimensions).
    pairs: makes (student layer, teacher's states)
    """

    def loss(student):
        project = lambda x, w: x if w is None else F.linear(x, w)
        return mean(
            [
                distance(project(student.hidden[s][where], w), target[where])
                for (s, target), w in zip(pairs(), projections, strict=True)
            ]
        )

    return loss


def uniform_states():
    return [(0, teacher_hidden[0]), (1, teacher_hidden[2]), (2, teacher_hidden[4])]


def scores_mse(own, target):
    return F.mse_loss(own, target, reduction="none").flatten()


def probabilities_mse(own, target):
    return scores_mse(own.softmax(-1), target.softmax(-1))


def probabilities_kl(own, target):
    """One of each head and query token, over the keys."""
    return F.kl_div(own.log_softmax(-1), target.softmax(-1), reduction="none").sum(-1).flatten()


def attention(pairs, distance):
    """The mean over layers of a distance that is a mean over heads and pairs of real tokens, or real tokens."""

    def loss(student):
        return mean(
            [
                torch.cat(
                    [distance(student.scores[s - 1][b, :, :n, :n], target[b, :, :n, :n]) for b, n in enumerate(LENGTHS[:3])]
                ).mean()
                for s, target in pairs()
            ]
        )

    return loss


def uniform_scores():
    return [(1, teacher_scores[2]), (2, teacher_scores[4])]


def relations(values, heads):
    """MiniLM: log softmax(V Vᵀ / √d) of each head; values [tokens, width] → [heads, tokens, tokens]."""
    split = values.view(len(values), heads, -1).transpose(0, 1)
    return (split @ split.transpose(1, 2) / split.shape[-1] ** 0.5).log_softmax(-1)


def value_relation(pairs, heads):
    def loss(student):
        each = []
        for s, target in pairs():
            of_layer = []
            for b, n in enumerate(LENGTHS[:3]):
                own, expected = (relations(values[b, :n], heads) for values in (student.values[s - 1], target))
                of_layer.append(F.kl_div(own, expected, reduction="none", log_target=True).sum(-1).flatten())
            each.append(torch.cat(of_layer).mean())
        return mean(each)

    return loss


def contrastive(pool, student_weight, teacher_weight, temperature):
    """InfoNCE: which of the batch's texts of the teacher is the student's own."""

    def loss(student):
        own, target = (
            F.normalize(F.linear(torch.stack(pool(states)), w))
            for states, w in ((student.hidden[2], student_weight), (teacher_hidden[4], teacher_weight))
        )
        return F.cross_entropy(own @ target.T / temperature, torch.arange(3))

    return loss


def first_token(states):
    return [states[b, 0] for b in range(3)]


def mean_token(states):
    return [states[b, :n].mean(0) for b, n in enumerate(LENGTHS[:3])]


shared = learnt(TEACHER_HIDDEN, WIDTH)
own = [learnt(TEACHER_HIDDEN, WIDTH) for _ in range(3)]
# What is learnt to put layers together.
mix = [learnt(2), learnt(3)]
towards = {"projection.student": learnt(5, WIDTH), "projection.teacher": learnt(5, TEACHER_HIDDEN)}

teaching = {"weight": 1, "teacher": 1}
uniform = {**teaching, "layer_map": {"type": "uniform"}}
soft = {"type": "soft-label", **teaching}
hidden = {"type": "hidden-states", **uniform, "distance": "mse", "projection": "shared"}
entry = {"type": "attention", **uniform, "of": "scores", "distance": "mse"}
probabilities = {**entry, "of": "probabilities"}
relation = {"type": "value-relation", **teaching, "layer_map": {"type": "last"}}
contrast = {"type": "contrastive", **teaching, "dimensions": 5, "temperature": 0.5}


def matches(*pairs):
    return {"type": "combined", "matches": [{"student": s, "teacher": t} for s, t in pairs]}


cases = {
    "hard-label": Case({"type": "hard-label", "weight": 1}, hard_label),
    "soft-label-1": Case({**soft, "temperature": 1, "divergence": {"type": "forward"}}, soft_label(1)),
    **{
        f"soft-label-2{'' if name == 'forward' else '-' + name}": Case(
            {**soft, "temperature": 2, "divergence": options},
            soft_label(2, divergence),
        )
        for name, (options, divergence) in DIVERGENCES.items()
        if name != "mse"
    },
    "soft-label-mse": Case(
        {**soft, "temperature": 1, "divergence": {"type": "mse"}},
        soft_label(1, DIVERGENCES["mse"][1]),
    ),
    "hidden-shared": Case(hidden, hidden_states(uniform_states, [shared] * 3), {"projection": shared}),
    "hidden-per-layer": Case(
        {**hidden, "projection": "per-layer"},
        hidden_states(uniform_states, own),
        {f"projection.{i}": w for i, w in enumerate(own)},
    ),
    "hidden-cosine": Case(
        {**hidden, "distance": "cosine"},
        hidden_states(uniform_states, [shared] * 3, cosine_distance),
        {"projection": shared},
    ),
    "hidden-skip": Case(
        {**hidden, "layer_map": {"type": "skip"}},
        hidden_states(lambda: [(1, teacher_hidden[2])], [shared]),
        {"projection": shared},
    ),
    "hidden-combined": Case(
        {**hidden, "layer_map": matches((1, [0, 2]), (2, [4, 2, 0]))},
        hidden_states(
            lambda: [
                (1, combined(teacher_hidden, [0, 2], mix[0])),
                (2, combined(teacher_hidden, [4, 2, 0], mix[1])),
            ],
            [shared] * 2,
        ),
        {"projection": shared, "combination.0": mix[0], "combination.1": mix[1]},
    ),
    **{
        f"hidden-none-{distance}": Case(
            {**hidden, "layer_map": [[1, 2], [2, 4]], "distance": distance, "projection": "none"},
            hidden_states(lambda: [(1, wide_hidden[2]), (2, wide_hidden[4])], [None] * 2, of),
            teacher="wide",
        )
        for distance, of in (("mse", F.mse_loss), ("cosine", cosine_distance))
    },
    "attention": Case(entry, attention(uniform_scores, scores_mse)),
    "attention-probabilities-mse": Case(probabilities, attention(uniform_scores, probabilities_mse)),
    "attention-probabilities-kl": Case({**probabilities, "distance": "kl"}, attention(uniform_scores, probabilities_kl)),
    "attention-combined": Case(
        {**probabilities, "distance": "kl", "layer_map": matches((1, [2]), (2, [4, 2]))},
        attention(
            lambda: [(1, teacher_scores[2]), (2, combined(teacher_scores, [4, 2], mix[0]))],
            probabilities_kl,
        ),
        {"combination.1": mix[0]},
    ),
    "embeddings": Case(
        {"type": "embeddings", **teaching, "projection": "learnt"},
        hidden_states(lambda: [(0, teacher_hidden[0])], [shared]),
        {"projection": shared},
    ),
    "value-relation": Case(relation, value_relation(lambda: [(2, teacher_values[4])], HEADS)),
    "value-relation-heads": Case(
        {**relation, "layer_map": {"type": "uniform"}, "relation_heads": 2},
        value_relation(lambda: [(1, teacher_values[2]), (2, teacher_values[4])], 2),
    ),
    **{
        f"contrastive-{pooling}": Case(
            {**contrast, "pooling": pooling},
            contrastive(pool, *towards.values(), 0.5),
            towards,
        )
        for pooling, pool in (("token", first_token), ("mean", mean_token))
    },
}

gradients, found = {}, {}
for name, case in cases.items():
    model.zero_grad()
    for w in case.parameters.values():
        w.grad = None
    value = case.loss(run(model, ids, mask))
    value.backward()
    found[name] = {
        "options": case.options,
        "loss": numbers(value)[0],
        "teacher": case.teacher,
        "parameters": {parameter: numbers(w) for parameter, w in case.parameters.items()},
    }
    for parameter, w in model.named_parameters():
        # Where autograd gives zeros only (a pad row aside), the loss does not reach the parameter.
        if w.grad is not None:
            gradients[f"{name}/{parameter}"] = w.grad.clone()
    for parameter, w in case.parameters.items():
        gradients[f"{name}/objective.0.{parameter}"] = w.grad.clone()
save_file(gradients, here / "objectives.safetensors")


def layers(tensors):
    return {n: numbers(t) for n, t in tensors.items()}


(here / "objectives.json").write_text(
    json.dumps(
        {
            "cases": found,
            "rows": real.tolist(),
            "mask": mask.float().flatten().tolist(),
            "labels": labels,
            "teachers": {
                "narrow": {
                    "layers": TEACHER_LAYERS,
                    "hidden": TEACHER_HIDDEN,
                    "values": TEACHER_VALUES,
                    "logits": numbers(teacher_logits),
                    "hiddenStates": layers(teacher_hidden),
                    "attentionScores": layers(teacher_scores),
                    "valueStates": layers(teacher_values),
                },
                "wide": {
                    "layers": TEACHER_LAYERS,
                    "hidden": WIDTH,
                    "values": WIDTH,
                    "logits": numbers(teacher_logits),
                    "hiddenStates": layers(wide_hidden),
                    "attentionScores": {},
                    "valueStates": {},
                },
            },
        }
    )
    + "\n"
)
