"""Soft labels of the next token, in PyTorch, of a whole distribution, of its k most likely tokens with the rest in one
bucket, and of tokens that were drawn. Run alone it writes soft-responses.json: values and gradients by the student's logits."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

here = Path(__file__).parent
torch.manual_seed(3)

N, VOCABULARY, K = 6, 11, 3
student = (2 * torch.randn(N, VOCABULARY, dtype=torch.float64)).requires_grad_()
teacher = 2 * torch.randn(N, VOCABULARY, dtype=torch.float64)
weights = torch.tensor([1, 1, 1, 1, 1, 0], dtype=torch.float64)
T = 2.0

p = F.log_softmax(teacher, -1)
hot = F.log_softmax(teacher / T, -1)
draws = torch.multinomial(p.exp(), 5, replacement=True, generator=torch.Generator().manual_seed(1))
ids = torch.zeros(N, 5, dtype=torch.long)
drawn = torch.zeros(N, 5, dtype=torch.float64)
for row in range(N):
    for i, token in enumerate(sorted(set(draws[row].tolist()))):
        ids[row, i] = token
        drawn[row, i] = (draws[row] == token).sum() / 5


def mean(each):
    return (each * weights).sum() / weights.sum()


def kl(a, b):
    return (a.exp() * (a - b)).sum(-1)


def bucket(log_p, places):
    rest = torch.log1p(-log_p.gather(-1, places).exp().sum(-1, keepdim=True))
    return torch.cat([log_p.gather(-1, places), rest], -1)


def top(log_teacher, divergence, temperature):
    places = log_teacher.topk(K, -1).indices
    a, b = bucket(log_teacher, places), bucket(F.log_softmax(student / temperature, -1), places)
    return temperature**2 * divergence(a, b)


def sampled():
    q = F.log_softmax(student, -1).gather(-1, ids)
    return torch.where(drawn > 0, drawn * (drawn.clamp(min=1e-9).log() - q), 0).sum(-1)


def fed(log_teacher):
    places = log_teacher.topk(K, -1).indices
    return {
        "ids": places.flatten().tolist(),
        "log_probabilities": log_teacher.gather(-1, places).flatten().tolist(),
        "tail": bucket(log_teacher, places)[:, -1].tolist(),
    }


CASES = {
    "full": (lambda: T**2 * kl(hot, F.log_softmax(student / T, -1)), "forward", T, "full", None),
    "full, reverse": (lambda: kl(F.log_softmax(student, -1), p), "reverse", 1, "full", None),
    "top-k": (lambda: top(p, kl, 1), "forward", 1, "top-k", fed(p)),
    "top-k, warm": (lambda: top(hot, kl, T), "forward", T, "top-k", fed(hot)),
    "top-k, reverse": (lambda: top(p, lambda a, b: kl(b, a), 1), "reverse", 1, "top-k", fed(p)),
    "sampled": (sampled, "forward", 1, "sampled", {"ids": ids.flatten().tolist(), "weights": drawn.flatten().tolist()}),
}

if __name__ == "__main__":
    cases = {}
    for name, (each, divergence, temperature, keep, feeds) in CASES.items():
        student.grad = None
        loss = mean(each())
        loss.backward()
        cases[name] = {
            "divergence": divergence,
            "temperature": temperature,
            "keep": keep,
            "feeds": feeds,
            "loss": loss.item(),
            "gradient": student.grad.flatten().tolist(),
        }
    golden = {
        "shape": [N, VOCABULARY],
        "k": K,
        "draws": 5,
        "student": student.detach().flatten().tolist(),
        "teacher": teacher.flatten().tolist(),
        "weights": weights.tolist(),
        "cases": cases,
    }
    (here / "soft-responses.json").write_text(json.dumps(golden) + "\n")
