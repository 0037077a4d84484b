"""Writes choose.json: what scikit-learn, numpy and scipy make of points, texts and logits that src/choose works on.

    /path/to/venv/bin/python test/golden/choose.py     (scikit-learn 1.9, scipy 1.17)
"""

import json
from pathlib import Path

import numpy as np
from scipy.stats import entropy
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import pairwise_distances

random = np.random.default_rng(5)
WIDTH, CLUSTERS = 19, 6
middles = random.normal(size=(CLUSTERS, WIDTH))
points = np.vstack([m + 0.6 * random.normal(size=(n, WIDTH)) for m, n in zip(middles, (90, 60, 40, 30, 20, 10))])
points = random.permutation(points).astype(np.float32).round(4).astype(np.float32).astype(np.float64)

start = [0, 1, 2, 3, 4, 5]
means = KMeans(CLUSTERS, init=points[start], n_init=1, max_iter=100, algorithm="lloyd").fit(points)

pca = PCA(2, svd_solver="full").fit(points)

# The greedy choice by all pairs of distances.
apart = pairwise_distances(points)
order = [int(np.argmin(((points - points.mean(0)) ** 2).sum(1)))]
while len(order) < 60:
    nearest = apart[:, order].min(1)
    order.append(int(np.argmax(nearest)))
after = list(range(4))
while len(after) < 20:
    after.append(int(np.argmax(apart[:, after].min(1))))

topics = [[f"t{t}w{w}" for w in range(30)] for t in range(9)]
common = [f"common{w}" for w in range(25)] + ["Don't", "stop!", "it's"]
zipf = 1 / np.arange(1, 31)
texts = []
for i in range(150):
    words = list(random.choice(topics[i % 9], size=random.integers(8, 30), p=zipf / zipf.sum()))
    words += list(random.choice(common, size=10))
    texts.append(" ".join(random.permutation(words)))
tfidf = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+|[^\w\s]", min_df=2)
matrix = tfidf.fit_transform(texts)
svd = TruncatedSVD(64, algorithm="arpack", random_state=0)
made = svd.fit_transform(matrix)
made /= np.linalg.norm(made, axis=1, keepdims=True)

logits = 3 * random.normal(size=(8, 3, 4))
p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
top = np.sort(p[:, 0])[:, ::-1]
votes = np.stack([np.bincount(row.argmax(-1), minlength=4) / 3 for row in p])

Path(__file__).with_name("choose.json").write_text(
    json.dumps(
        {
            "width": WIDTH,
            "points": points.round(4).ravel().tolist(),
            "kmeans": {
                "start": start,
                "inertia": means.inertia_,
                "labels": means.labels_.tolist(),
                "centres": means.cluster_centers_.ravel().tolist(),
            },
            "pca": {
                "axes": pca.components_.tolist(),
                "explained": pca.explained_variance_ratio_.tolist(),
                "places": pca.transform(points[:5]).tolist(),
            },
            "kcentre": {"order": order, "after": after[4:]},
            "texts": texts,
            "words": sorted(tfidf.vocabulary_),
            "tfidf": matrix[:5].toarray().tolist(),
            "singular": svd.singular_values_.tolist(),
            "cosines": (made[:12] @ made.T).tolist(),
            "opinions": {
                "logits": logits.tolist(),
                "margin": (top[:, 1] - top[:, 0]).tolist(),
                "entropy": entropy(p[:, 0], axis=-1).tolist(),
                "kl": [float(np.mean([entropy(model, row.mean(0)) for model in row])) for row in p],
                "votes": entropy(votes, axis=-1).tolist(),
            },
        }
    )
    + "\n"
)
print(means.inertia_, means.n_iter_, order[:8], len(tfidf.vocabulary_))
