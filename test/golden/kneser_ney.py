"""Writes kneser-ney.json: an interpolated modified Kneser-Ney trigram model, by the definitions of Chen & Goodman 1998
(Harvard TR-10-98, section 3), with sets and counters over all n-grams.

    python test/golden/kneser_ney.py
"""

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

random.seed(5)
VOCABULARY, ORDER = 14, 3
rows = [[random.random() ** 6 for _ in range(VOCABULARY)] for _ in range(VOCABULARY)]


def text():
    made = [random.randrange(4)]
    for _ in range(random.randrange(1, 12)):
        # Tokens 12 and 13 are never seen in training.
        made.append(random.choices(range(12), rows[made[-1]][:12])[0])
    return made


training = [text() for _ in range(120)]
test = [text() for _ in range(12)] + [[0, 13, 2, 12, 12, 1]]


def grams(text, n):
    padded = ["<s>"] * (ORDER - 1) + text
    return [tuple(padded[i - n + 1 : i + 1]) for i in range(ORDER - 1, len(padded))]


types = {n: {g for t in training for g in grams(t, n)} for n in range(1, ORDER + 1)}
counts = {ORDER: Counter(g for t in training for g in grams(t, ORDER))}
for n in range(1, ORDER):
    counts[n] = Counter({g: len({h[0] for h in types[n + 1] if h[1:] == g}) for g in types[n]})

discounts = {}
for n in counts:
    n1, n2, n3, n4 = (sum(c == k for c in counts[n].values()) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 else None
    try:
        found = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    except (ZeroDivisionError, TypeError):
        found = [-1]
    if not all(0 <= d <= k + 1 for k, d in enumerate(found)):
        found = [0.5, 1, 1.5]
    discounts[n] = found


def p(token, context):
    n = len(context) + 1
    lower = p(token, context[1:]) if context else 1 / VOCABULARY
    after = [c for g, c in counts[n].items() if g[:-1] == context]
    if not after:
        return lower
    d = discounts[n]
    count = counts[n].get(context + (token,), 0)
    kept = max(0, count - d[min(count, 3) - 1]) if count else 0
    gamma = sum(d[min(c, 3) - 1] for c in after) / sum(after)
    return kept / sum(after) + gamma * lower


losses = [[p(g[-1], g[:-1]) for g in grams(t, ORDER)] for t in test]
Path(__file__).with_name("kneser-ney.json").write_text(
    json.dumps({"vocabulary": VOCABULARY, "training": training, "test": test, "probabilities": losses}) + "\n"
)
print(discounts)
