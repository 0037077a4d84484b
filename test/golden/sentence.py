"""Loads a folder of a bi-encoder with sentence-transformers and holds its vectors to those in a JSON file of ours.

    node test/golden/sentence.js FOLDER > vectors.json && python test/golden/sentence.py FOLDER vectors.json
"""

import json
import sys

import numpy as np
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(sys.argv[1], device="cpu")
given = json.load(open(sys.argv[2]))
theirs = model.encode(given["texts"])
ours = np.array(given["vectors"], dtype=np.float32).reshape(len(given["texts"]), -1)
print(model)
print(f"{len(given['texts'])} texts, vectors differ by at most {np.abs(theirs - ours).max():.1e} (their size: {np.abs(ours).max():.2f})")
assert np.abs(theirs - ours).max() < 1e-5 and model.similarity_fn_name == "cosine"
