"""Writes tasks.json and tasks.safetensors: tagging, multi-label classification and regression as transformers computes
them, and the figures of seqeval, scikit-learn and scipy.

    pip install torch transformers safetensors scikit-learn scipy seqeval && python test/golden/tasks.py

The bodies are the tiny ones of architectures.py (run that first). tasks.safetensors holds of each case the head's weights
as `<case>/<parameter>` and some gradients as `<case>/grad:<parameter>`.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from sklearn.metrics import accuracy_score, f1_score as sk_f1, mean_absolute_error, precision_recall_fscore_support
from sklearn.metrics import root_mean_squared_error
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

from architectures import CONFIGS, LENGTHS, numbers

here = Path(__file__).parent
torch.manual_seed(3)
rows, length = len(LENGTHS), max(LENGTHS)
mask = (torch.arange(length)[None, :] < torch.tensor(LENGTHS)[:, None]).long()
tensors = {}


def load(name, kind, labels, **more):
    config = AutoConfig.for_model(CONFIGS[name][0], **CONFIGS[name][1], num_labels=labels, **more)
    model = kind.from_config(config).eval()
    body = {k: v for k, v in load_file(here / f"{name}.safetensors").items() if not k.startswith(("grad:", "lm"))}
    own = model.state_dict()
    model.load_state_dict({k: v for k, v in body.items() if k in own and own[k].shape == v.shape}, strict=False)
    head = {k: p for k, p in model.named_parameters() if k.startswith(("classifier", "score"))}
    with torch.no_grad():
        for p in head.values():
            p.copy_(torch.randn_like(p) * 0.5)
    ids = torch.tensor(json.loads((here / f"{name}.json").read_text())["ids"]).view(rows, length)
    return model, head, ids


def case(name, title, model, head, loss, logits):
    model.zero_grad()
    loss.backward()
    for key, p in model.named_parameters():
        if key in head:
            tensors[f"{title}/{key}"] = p.detach().clone()
        if key in head or "word_embeddings.weight" in key or key == "transformer.wte.weight":
            tensors[f"{title}/grad:{key}"] = p.grad.clone()
    return {"body": name, "loss": loss.item(), "logits": numbers(logits)}


def half(*shape):
    """As a cache in float16 holds them."""
    return (2 * torch.randn(*shape)).half().float()


# The token at which each word is asked, and its tag; None: unknown. Other tokens are none's first.
WORDS = [[(1, 2), (2, 0), (4, None), (6, 1)], [(1, 1), (3, 2)], [(1, None)], []]
tags = torch.full((rows, length), -100)
asked = torch.zeros(rows, length).bool()
for row, words in enumerate(WORDS):
    for token, tag in words:
        asked[row, token] = True
        if tag is not None:
            tags[row, token] = tag

cases = {}
teacher = {"tagging": half(rows, length, 3), "multi-label": half(rows, 3), "regression": half(rows, 1)}
for name in ["bert", "distilbert", "roberta", "albert"]:
    model, head, ids = load(name, AutoModelForTokenClassification, 3)
    out = model(input_ids=ids, attention_mask=mask, labels=tags)
    cases[f"{name} tags"] = case(name, f"{name} tags", model, head, out.loss, out.logits)
model, head, ids = load("bert", AutoModelForTokenClassification, 3)
logits = model(input_ids=ids, attention_mask=mask).logits
s, t = F.log_softmax(logits[asked] / 2, -1), F.softmax(teacher["tagging"][asked] / 2, -1)
cases["bert soft tags"] = case("bert", "bert soft tags", model, head, 4 * F.kl_div(s, t, reduction="batchmean"), logits)

LABELS = [["first", "third"], [], None, ["second"]]
known = [row for row, labels in enumerate(LABELS) if labels is not None]
hot = torch.tensor([[float(name in LABELS[row]) for name in ("first", "second", "third")] for row in known])
for name in ["bert", "gpt2"]:
    model, head, ids = load(name, AutoModelForSequenceClassification, 3, problem_type="multi_label_classification")
    loss = model(input_ids=ids[known], attention_mask=mask[known], labels=hot).loss
    logits = model(input_ids=ids, attention_mask=mask).logits
    cases[f"{name} labels"] = case(name, f"{name} labels", model, head, loss, logits)
model, head, ids = load("bert", AutoModelForSequenceClassification, 3)
logits = model(input_ids=ids, attention_mask=mask).logits
pair = [torch.distributions.Bernoulli(logits=z / 2) for z in (teacher["multi-label"], logits)]
loss = 4 * torch.distributions.kl_divergence(*pair).mean()
cases["bert soft labels"] = case("bert", "bert soft labels", model, head, loss, logits)

SCORES = [0.5, -1.25, None, 3.0]
scored = [row for row, score in enumerate(SCORES) if score is not None]
model, head, ids = load("bert", AutoModelForSequenceClassification, 1, problem_type="regression")
target = torch.tensor([SCORES[row] for row in scored])
loss = model(input_ids=ids[scored], attention_mask=mask[scored], labels=target).loss
logits = model(input_ids=ids, attention_mask=mask).logits
cases["bert score"] = case("bert", "bert score", model, head, loss, logits)
model, head, ids = load("bert", AutoModelForSequenceClassification, 1)
logits = model(input_ids=ids, attention_mask=mask).logits
cases["bert soft score"] = case("bert", "bert soft score", model, head, F.mse_loss(logits, teacher["regression"]), logits)
save_file(tensors, here / "tasks.safetensors")

rng = np.random.RandomState(5)
ALL = ["O", "B-PER", "I-PER", "B-ORG-X", "I-ORG-X", "E-PER", "S-PER", "B", "I", "."]


def sequences(kinds, share):
    truth = [[ALL[rng.choice(kinds)] for _ in range(rng.randint(1, 12))] for _ in range(30)]
    keep = lambda tag: tag if rng.rand() < share else ALL[rng.choice(kinds)]
    return truth, [[keep(tag) for tag in row] for row in truth]


def entities(title, kinds, share):
    truth, predicted = sequences(kinds, share)
    return {
        "name": title, "truth": truth, "predicted": predicted,
        "entities": [[list(e) for e in get_entities(row)] for row in truth],
        "precision": float(precision_score(truth, predicted)),
        "recall": float(recall_score(truth, predicted)),
        "f1": float(f1_score(truth, predicted)),
    }


def many(title, shape, share):
    truth = (rng.rand(*shape) < 0.3).astype(int)
    predicted = np.where(rng.rand(*shape) < share, truth, (rng.rand(*shape) < 0.4).astype(int))
    p, r, f, s = precision_recall_fscore_support(truth, predicted, zero_division=0)
    return {
        "name": title, "truth": truth.tolist(), "predicted": predicted.tolist(),
        "micro_f1": float(sk_f1(truth, predicted, average="micro", zero_division=0)),
        "macro_f1": float(sk_f1(truth, predicted, average="macro", zero_division=0)),
        "accuracy": float(accuracy_score(truth, predicted)),
        "precision": p.tolist(), "recall": r.tolist(), "f1": f.tolist(), "support": s.tolist(),
    }


def scores(title, truth, predicted):
    return {
        "name": title, "truth": truth.tolist(), "predicted": predicted.tolist(),
        "pearson": float(pearsonr(truth, predicted)[0]), "spearman": float(spearmanr(truth, predicted)[0]),
        "mae": float(mean_absolute_error(truth, predicted)), "rmse": float(root_mean_squared_error(truth, predicted)),
    }


y = rng.randn(60)
stars = rng.randint(1, 6, 80).astype(float)
found = {
    "words": WORDS,
    "labels": LABELS,
    "scores": SCORES,
    "teacher": {task: numbers(t) for task, t in teacher.items()},
    "cases": cases,
    "entities": [
        entities("BIO", range(5), 0.7),
        entities("BIO, mostly right", range(3), 0.95),
        entities("IOBES and odd tags", range(10), 0.6),
        entities("nothing right", [0, 1, 2], 0.0),
    ],
    "many": [many("three labels", (60, 3), 0.7), many("eight labels, rare", (40, 8), 0.9), many("none", (5, 2), 0.0)],
    "numbers": [
        scores("close", y, y + 0.3 * rng.randn(60)),
        scores("many ties", stars, np.clip(np.round(stars + rng.randn(80)), 1, 5)),
        scores("against", y, -y + rng.randn(60)),
    ],
}
(here / "tasks.json").write_text(json.dumps(found) + "\n")
