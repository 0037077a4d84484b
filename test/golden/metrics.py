"""Makes metrics.json and logistic.json beside this file; needed only to make them again.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install scikit-learn==1.9.1 scipy==1.17.1
    /tmp/venv/bin/python test/golden/metrics.py
"""

import json
import pathlib

import numpy as np
from scipy.stats import binomtest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

here = pathlib.Path(__file__).parent
rng = np.random.RandomState(7)


def metric_case(name, labels, truth, predicted):
    p, r, f, s = precision_recall_fscore_support(truth, predicted, labels=range(labels), zero_division=0)
    return {
        "name": name,
        "labels": labels,
        "truth": [int(t) for t in truth],
        "predicted": [int(t) for t in predicted],
        "accuracy": accuracy_score(truth, predicted),
        "macro_f1": float(np.mean(f)),
        "precision": p.tolist(),
        "recall": r.tolist(),
        "f1": f.tolist(),
        "support": s.tolist(),
        "confusion": confusion_matrix(truth, predicted, labels=range(labels)).tolist(),
    }


def noisy(truth, labels, rate):
    return np.where(rng.rand(len(truth)) < rate, rng.randint(0, labels, len(truth)), truth)


two, five = rng.randint(0, 2, 200), rng.choice(5, 300, p=[0.5, 0.3, 0.1, 0.07, 0.03])
metrics = {
    "quality": [
        metric_case("two labels", 2, two, noisy(two, 2, 0.1)),
        metric_case("five labels, unbalanced", 5, five, noisy(five, 5, 0.4)),
        metric_case("all right", 3, five[:50] % 3, five[:50] % 3),
        metric_case("all wrong", 2, two[:20], 1 - two[:20]),
        metric_case("a label never predicted", 3, np.array([0, 1, 2, 2, 1]), np.array([0, 1, 1, 0, 1])),
        metric_case("a label that never occurs", 3, np.array([0, 1, 1, 0]), np.array([0, 2, 1, 0])),
        metric_case("a label absent from both", 3, np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])),
    ],
    "wilson": [
        {"successes": k, "rows": n, "low": float(ci.low), "high": float(ci.high)}
        for k, n in [(0, 10), (10, 10), (1, 2), (1012, 1045), (199, 200)]
        for ci in [binomtest(k, n).proportion_ci(0.95, method="wilson")]
    ],
    "mcnemar": [
        {"first": b, "second": c, "p": 1.0 if b + c == 0 else float(binomtest(b, b + c, 0.5).pvalue)}
        for b, c in [(0, 0), (0, 1), (5, 5), (3, 12), (12, 3), (0, 8), (40, 70), (900, 1100), (2, 1300)]
    ],
    "percentile": [
        {"values": sorted(v.tolist()), "share": q, "value": float(np.percentile(v, 100 * q))}
        for v in [rng.rand(1), rng.rand(2), rng.rand(41), rng.rand(200)]
        for q in [0.025, 0.5, 0.975]
    ],
}
(here / "metrics.json").write_text(json.dumps(metrics) + "\n")

greetings = ["Hello dear friend,", "Hi all,", "Re: the list", "FREE!!! act now", "Grüße, Zoë_1"]
middles = ["the patch is attached", "win $1000 in cash", "see the meeting notes", "buy cheap pills now", "你好 world 42"]
ends = ["Thanks, Bob", "click here!!!", "-- cheers", "$$$ no risk $$$", "the end."]
texts, score = [], []
for i in range(60):
    a, b, c = rng.randint(0, 5, 3)
    texts.append(f"{greetings[a]} {middles[b]}\n{ends[c]}")
    score.append(2 * (a == 3) + 2 * (b in (1, 3)) + (c in (1, 3)) + rng.rand())
score = np.array(score)
vectorizer = TfidfVectorizer(
    sublinear_tf=True, ngram_range=(1, 2), min_df=2, token_pattern=r"(?u)\w+|[^\w\s]", dtype=np.float64
)
X = vectorizer.fit_transform(texts)


def fit(name, labels, targets, weights, C):
    """Soft targets as scikit-learn can have them: each row once for every label, weighted with its probability."""
    n = len(texts)
    rows = np.repeat(np.arange(n), labels)
    y = np.tile(np.arange(labels), n)
    w = (targets * weights[:, None]).ravel()
    keep = w > 0
    model = LogisticRegression(C=C, tol=1e-10, max_iter=100000).fit(X[rows[keep]], y[keep], sample_weight=w[keep])
    probabilities = model.predict_proba(X)
    loss = log_loss(y[keep], model.predict_proba(X[rows[keep]]), sample_weight=w[keep], labels=range(labels))
    penalty = 0.5 / C * float((model.coef_**2).sum()) / float(w.sum())
    return {
        "name": name,
        "labels": labels,
        "targets": targets.tolist(),
        "weights": weights.tolist(),
        "l2": 1 / C,
        "coef": model.coef_.tolist(),
        "intercept": model.intercept_.tolist(),
        "probabilities": probabilities.tolist(),
        "loss": loss + penalty,
    }


binary = np.eye(2)[(score > 2).astype(int)]
three = np.eye(3)[np.digitize(score, [1.5, 3])]
soft2 = np.stack([1 / (1 + np.exp(score - 2)), 1 / (1 + np.exp(2 - score))], 1).round(3)
soft3 = rng.dirichlet([1, 1, 1], 60).round(3)
soft3[:, 2] = 1 - soft3[:, 0] - soft3[:, 1]
ones, uneven = np.ones(60), rng.randint(1, 5, 60) / 2
logistic = {
    "texts": texts,
    "ngrams": vectorizer.get_feature_names_out().tolist(),
    "idf": vectorizer.idf_.tolist(),
    "rows": [[[int(j), float(X[i, j])] for j in sorted(X[i].indices)] for i in range(60)],
    "fits": [
        fit("two labels", 2, binary, ones, 10),
        fit("three labels", 3, three, ones, 10),
        fit("three labels, weak penalty, uneven weights", 3, three, uneven, 300),
        fit("two soft labels", 2, soft2, ones, 10),
        fit("three soft labels, uneven weights", 3, soft3, uneven, 1),
    ],
}
(here / "logistic.json").write_text(json.dumps(logistic) + "\n")
