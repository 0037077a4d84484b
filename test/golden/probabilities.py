"""Makes probabilities.json beside this file; needed only to make it again.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install scikit-learn==1.9.1
    /tmp/venv/bin/python test/golden/probabilities.py
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, f1_score, log_loss, matthews_corrcoef, roc_auc_score

here = pathlib.Path(__file__).parent
rng = np.random.RandomState(11)
BINS = 15


def softmax(z):
    z = z.astype(np.float64)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def case(name, truth, logits):
    # Short to write, and with ties.
    logits = (np.asarray(logits) * 64).round().astype(np.float32) / 64
    truth = np.asarray(truth)
    rows, labels = logits.shape
    p = softmax(logits)
    answers = logits.argmax(1)
    confidence = p[np.arange(rows), answers]
    # Every label against the rest; those that no row has, or every row, have no area.
    areas = [roc_auc_score(truth == k, p[:, k]) for k in range(labels) if 0 < (truth == k).sum() < rows]
    auc = float(np.mean(areas)) if areas else None
    if len(set(truth)) == labels:
        whole = roc_auc_score(truth, p[:, 1]) if labels == 2 else roc_auc_score(truth, p, multi_class="ovr")
        assert abs(whole - auc) < 1e-12
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right, sure = calibration_curve(answers == truth, confidence, n_bins=BINS, strategy="uniform")
    # calibration_curve leaves empty bins out, and does not say how many rows the others have: it bins as searchsorted does.
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence), minlength=BINS)
    filled = np.flatnonzero(counts)
    assert len(filled) == len(right)
    return {
        "name": name,
        "labels": labels,
        "truth": truth.tolist(),
        "logits": logits.ravel().tolist(),
        "roc_auc": auc,
        "log_loss": float(log_loss(truth, p, labels=range(labels))),
        "brier": float(brier_score_loss(truth, p if labels > 2 else p[:, 1], labels=range(labels))),
        "mcc": float(matthews_corrcoef(truth, answers)),
        "micro_f1": float(f1_score(truth, answers, average="micro", labels=range(labels))),
        "ece": float((counts[filled] / rows) @ np.abs(right - sure)),
        "counts": counts.tolist(),
        "filled": filled.tolist(),
        "accuracy": right.tolist(),
        "confidence": sure.tolist(),
    }


def noisy(truth, labels, sharpness, noise):
    return sharpness * np.eye(labels)[truth] + noise * rng.randn(len(truth), labels)


two = rng.randint(0, 2, 200)
five = rng.choice(5, 300, p=[0.5, 0.3, 0.1, 0.07, 0.03])
ties = noisy(two[:60], 2, 1, 1).round(0)
cases = [
    case("two labels", two, noisy(two, 2, 2, 1)),
    case("two labels, too sure of itself", two, noisy(two, 2, 12, 9)),
    case("two labels, many equal answers", two[:60], ties),
    case("five labels, unbalanced", five, noisy(five, 5, 2, 1.5)),
    case("five labels, not sure at all", five, noisy(five, 5, 0.1, 0.1)),
    case("a label that never occurs", [0, 1, 1, 0, 1], noisy(np.array([0, 1, 1, 0, 1]), 3, 1, 1)),
    case("always the same answer", two[:50], np.tile([1.0, 0.5], (50, 1))),
]
several = (rng.rand(40, 4) < 0.3).astype(int)
scores = (16 * (several + rng.randn(40, 4))).round() / 16
many = {
    "truth": several.tolist(),
    "scores": scores.tolist(),
    "roc_auc": float(roc_auc_score(several, scores, average="macro")),
}
groups, said = rng.randint(0, 3, 300), np.where(rng.rand(300) < 0.4, rng.randint(0, 5, 300), five)
slices = {
    "truth": five.tolist(),
    "predicted": said.tolist(),
    "group": groups.tolist(),
    # Of the labels that a slice has or is given, as f1_score has it by default.
    "macro_f1": [float(f1_score(five[groups == g][:9], said[groups == g][:9], average="macro")) for g in range(3)],
}
(here / "probabilities.json").write_text(json.dumps({"cases": cases, "many": many, "slices": slices}) + "\n")
