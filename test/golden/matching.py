"""Writes matching.json: losses of a model that compares vectors, by sentence-transformers and by their formulas, with the
gradients of the vectors; and rankings and areas under the curve by scikit-learn and by counting.

    pip install sentence-transformers scikit-learn && python test/golden/matching.py
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sentence_transformers.losses import DistillKLDivLoss, MarginMSELoss, MultipleNegativesRankingLoss
from sentence_transformers.util import pairwise_cos_sim
from sklearn.metrics import roc_auc_score

here = Path(__file__).parent
torch.manual_seed(3)
BATCH, CANDIDATES, WIDTH, SCALE = 4, 3, 6, 20
texts = torch.nn.Parameter(torch.randn(BATCH, WIDTH))
candidates = torch.nn.Parameter(torch.randn(BATCH, CANDIDATES, WIDTH))
scores = 3 * torch.randn(BATCH, CANDIDATES)
# A teacher's, of another width.
teacher_texts, teacher_candidates = torch.randn(BATCH, WIDTH - 1), torch.randn(BATCH * CANDIDATES, WIDTH - 1)


def twenty_cosines(a, b):
    return SCALE * pairwise_cos_sim(a, b)


def numbers(t):
    return [float(f"{x:.9g}") for x in t.detach().double().flatten().tolist()]


def similarity_of(a, b, teacher_a, teacher_b):
    """DistillKLDivLoss with every one of b as a candidate of each of a, without its factor temperature²."""
    everyone = [row.expand(len(a), -1) for row in b]
    loss = DistillKLDivLoss(None, pairwise_cos_sim, temperature=0.07)
    return loss.compute_loss_from_embeddings([a, *everyone], F.normalize(teacher_a) @ F.normalize(teacher_b).T) / 0.07**2


def in_batch_similarity():
    b = candidates.reshape(-1, WIDTH)
    return (similarity_of(texts, b, teacher_texts, teacher_candidates) + similarity_of(b, texts, teacher_candidates, teacher_texts)) / 2


columns = lambda: [texts] + [candidates[:, c] for c in range(CANDIDATES)]
whole = {
    "in-batch-negatives": lambda: MultipleNegativesRankingLoss(None, scale=1 / 0.07).compute_loss_from_embeddings(columns(), None),
    "margin-mse": lambda: MarginMSELoss(None, twenty_cosines).compute_loss_from_embeddings(columns(), scores[:, :1] - scores[:, 1:]),
    "soft-label": lambda: DistillKLDivLoss(None, twenty_cosines, temperature=2.0).compute_loss_from_embeddings(columns(), scores),
    "cosine-mse": lambda: F.mse_loss(F.cosine_similarity(texts[:, None], candidates, dim=-1), (scores - 0.5) / 4),
    "in-batch-similarity": in_batch_similarity,
}

# Ragged: text 1 has two candidates, text 2 one that is not known to belong to it, row 3 only fills up; candidate [1, 0]
# belongs to text 0 as well.
real = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]]).float()
negatives = torch.tensor([[0, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]).float()
rows = torch.tensor([1, 1, 1, 0]).float()
asked = [0, 1]
compared = torch.zeros(BATCH, BATCH * CANDIDATES)
for b in asked:
    compared[b] = real.flatten()
compared[0, 1 * CANDIDATES] = 0
cosines = lambda: F.cosine_similarity(texts[:, None], candidates, dim=-1)


def ragged_in_batch():
    all_cosines = F.normalize(texts) @ F.normalize(candidates.reshape(-1, WIDTH)).T
    logits = all_cosines / 0.07
    terms = [-logits[b, b * CANDIDATES] + torch.logsumexp(logits[b][compared[b] > 0], 0) for b in asked]
    return sum(terms) / len(terms)


def ragged_margin():
    own = SCALE * cosines()
    total = 0
    for b in asked:
        at = [c for c in range(CANDIDATES) if negatives[b, c] > 0]
        total = total + torch.stack([(own[b, 0] - own[b, c] - scores[b, 0] + scores[b, c]) ** 2 for c in at]).mean()
    return total / rows.sum()


def ragged_soft():
    own, total = SCALE * cosines(), 0
    for b in range(3):
        at = real[b] > 0
        target, mine = F.log_softmax(scores[b][at] / 2, 0), F.log_softmax(own[b][at] / 2, 0)
        total = total + (target.exp() * (target - mine)).sum()
    return 4 * total / rows.sum()


def ragged_cosine():
    own, total = cosines(), 0
    for b in range(3):
        at = real[b] > 0
        total = total + ((own[b][at] - (scores[b][at] - 0.5) / 4) ** 2).mean()
    return total / rows.sum()


def ragged_similarity():
    cosine = lambda a, b: F.normalize(a) @ F.normalize(b.reshape(BATCH * CANDIDATES, -1)).T / 0.07
    own, theirs = cosine(texts, candidates), cosine(teacher_texts, teacher_candidates)
    known = real.flatten() > 0
    own, theirs = own[rows > 0][:, known], theirs[rows > 0][:, known]
    total = 0
    for mine, target in [(own, theirs), (own.T, theirs.T)]:
        each = [F.kl_div(F.log_softmax(m, 0), F.softmax(t, 0), reduction="sum") for m, t in zip(mine, target, strict=True)]
        total = total + sum(each) / len(each) / 2
    return total


ragged = {
    "in-batch-negatives": ragged_in_batch,
    "margin-mse": ragged_margin,
    "soft-label": ragged_soft,
    "cosine-mse": ragged_cosine,
    "in-batch-similarity": ragged_similarity,
}


def judged(loss):
    texts.grad = candidates.grad = None
    value = loss()
    value.backward()
    return dict(loss=value.item(), texts=numbers(texts.grad), candidates=numbers(candidates.grad))


# Rankings: some texts with several pairs of their own, one with none, one with nothing beside it; scores tie.
generator = np.random.default_rng(5)
pairs = []
for text in range(12):
    own, others = generator.integers(0, 3), generator.integers(0, 5)
    for belongs in [True] * own + [False] * others:
        pairs.append(dict(text=f"t{text}", belongs=belongs, score=float(np.round(generator.normal(0.7 if belongs else 0, 1), 1))))
reciprocal = []
for pair in pairs:
    rivals = [p["score"] for p in pairs if p["text"] == pair["text"] and not p["belongs"]]
    if pair["belongs"] and rivals:
        # The rank in the list of the rivals and the pair itself, which stands behind its equals.
        reciprocal.append(1 / (1 + sum(r >= pair["score"] for r in rivals)))
ranking = dict(
    pairs=pairs,
    asked=len(reciprocal),
    recallAt1=sum(r == 1 for r in reciprocal) / len(reciprocal),
    mrr=sum(reciprocal) / len(reciprocal),
    auc=roc_auc_score([p["belongs"] for p in pairs], [p["score"] for p in pairs]),
)

(here / "matching.json").write_text(
    json.dumps(
        dict(
            sizes=dict(batch=BATCH, candidates=CANDIDATES, width=WIDTH),
            texts=numbers(texts),
            candidates=numbers(candidates),
            scores=numbers(scores),
            teacher=dict(width=WIDTH - 1, texts=numbers(teacher_texts), candidates=numbers(teacher_candidates)),
            whole={name: judged(loss) for name, loss in whole.items()},
            ragged={name: judged(loss) for name, loss in ragged.items()},
            masks=dict(real=numbers(real), negatives=numbers(negatives), rows=numbers(rows), compared=numbers(compared), asked=asked),
            ranking=ranking,
        )
    )
    + "\n"
)
print({k: judged(v)["loss"] for k, v in whole.items()}, {k: judged(v)["loss"] for k, v in ragged.items()}, ranking["mrr"])
