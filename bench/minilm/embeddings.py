"""Embeds the lines of texts.json with sentence-transformers: python embeddings.py MODEL_FOLDER texts.json out.json"""

import json
import sys

from sentence_transformers import SentenceTransformer

folder, texts, out = sys.argv[1:]
model = SentenceTransformer(folder, device="cpu")
embeddings = model.encode(json.load(open(texts)), batch_size=32, normalize_embeddings=True)
json.dump(embeddings.tolist(), open(out, "w"))
