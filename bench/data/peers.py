"""One of the tasks of bench/data/ours.js with Python's tools: seconds and peak memory as JSON.

    bench/data/.venv/bin/python bench/data/peers.py minhash|sample FILE
"""

import json
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

THRESHOLD = 0.8
WORDS = 5
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def shingles(text: str) -> set[bytes]:
    """As src/data/shingles.ts has them."""
    words = re.findall(r"[^\W_]+", re.sub(r"\d", "0", text.lower()))
    return {" ".join(words[i : i + WORDS]).encode() for i in range(max(1, len(words) - WORDS + 1))}


def minhash(file: str) -> int:
    """First come, first kept: a text goes if one that was kept is estimated to be as similar."""
    from datasketch import MinHash, MinHashLSH

    # 32 bands of 4, as ours: of pairs at the threshold one in ten million is missed.
    index = MinHashLSH(num_perm=128, params=(32, 4))
    kept = {}
    with open(file, encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            signature = MinHash(num_perm=128)
            signature.update_batch(list(shingles(json.loads(line)["text"])))
            if any(kept[other].jaccard(signature) >= THRESHOLD for other in index.query(signature)):
                continue
            index.insert(number, signature)
            kept[number] = signature
    return len(kept)


def sample(file: str) -> int:
    """Equal texts dropped, every label split in the same proportions, the splits written."""
    import polars as pl

    rows = pl.read_ndjson(file).unique("text", keep="first", maintain_order=True)
    rows = rows.with_columns(
        at=pl.int_range(pl.len()).shuffle(seed=7).rank("ordinal").over("label") / pl.len().over("label")
    )
    with tempfile.TemporaryDirectory() as folder:
        start = 0.0
        for name, share in SHARES.items():
            split = rows.filter((pl.col("at") > start) & (pl.col("at") <= start + share + 1e-12))
            split.sample(fraction=1, shuffle=True, seed=7).select("text", "label").write_ndjson(Path(folder) / name)
            start += share
    return len(rows)


task, file = sys.argv[1:3]
{"minhash": minhash, "sample": sample}[task]  # a wrong name fails before the clock starts
since = time.perf_counter()
count = {"minhash": minhash, "sample": sample}[task](file)
seconds = time.perf_counter() - since
print(json.dumps({"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "rows": count}))
