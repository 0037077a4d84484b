"""Writes hashed.json: what scikit-learn makes of hashed n-grams of words and characters.

    pip install scikit-learn && python test/golden/hashed.py

Only the hash is written again here; counting, TF-IDF and the optimum are scikit-learn's.
"""

import json
import re
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

here = Path(__file__).parent
BUCKETS = 509
CHARACTERS = (2, 4)
L2 = 0.1
WORD = re.compile(r"\w+|[^\w\s]")


def mixed(h):
    return h ^ (h >> 15)


def fnv(h, text):
    """Over UTF-16 code units."""
    units = text.encode("utf-16-le")
    for low, high in zip(units[::2], units[1::2]):
        h = ((h ^ (low | high << 8)) * 0x01000193) & 0xFFFFFFFF
    return h


def word_bucket(ngram):
    return mixed(fnv(0x811C9DC5, ngram + " ")) % BUCKETS


def char_bucket(ngram):
    return mixed(fnv(0x9E3779B9, ngram)) % BUCKETS


texts = json.loads((here / "logistic.json").read_text())["texts"] + ["naïve Straße, co-op: ölçü 你好", "", "a"]
words = CountVectorizer(ngram_range=(1, 2), token_pattern=WORD.pattern).build_analyzer()
characters = CountVectorizer(analyzer="char_wb", ngram_range=CHARACTERS).build_analyzer()
counts = np.zeros((len(texts), BUCKETS))
for row, text in enumerate(texts):
    for ngram in words(text):
        counts[row, word_bucket(ngram)] += 1
    # Its words are what stands between spaces.
    for ngram in characters(" ".join(WORD.findall(text.lower()))):
        counts[row, char_bucket(ngram)] += 1
rows = TfidfTransformer(sublinear_tf=True).fit_transform(counts).toarray()
labels = [1 if re.search("win|buy|FREE", text) else 0 for text in texts]
fit = LogisticRegression(C=1 / L2, tol=1e-10, max_iter=10_000).fit(rows, labels)
found = {
    "texts": texts,
    "options": {"word_ngrams": 2, "char_ngrams": CHARACTERS, "buckets": BUCKETS, "max_words": None, "lowercase": True, "l2": L2},
    "rows": [[[int(c), float(f"{row[c]:.9g}")] for c in np.flatnonzero(row)] for row in rows],
    "labels": labels,
    "probabilities": [float(f"{p:.9g}") for p in fit.predict_proba(rows)[:, 1]],
}
(here / "hashed.json").write_text(json.dumps(found, ensure_ascii=False) + "\n")
print(len(texts), "texts,", int((counts > 0).sum()), "entries")
