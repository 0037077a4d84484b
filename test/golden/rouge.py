"""Writes rouge.json: Rouge-L as the rouge-score package computes it, without stemming.

    pip install rouge-score && python test/golden/rouge.py
"""

import json
import random
from pathlib import Path

from rouge_score import rouge_scorer

scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
random.seed(3)
WORDS = "the a cat cats sat on mat, re: [spam] Ünï-code 3.50 don't KELVIN \u212a x_y 猫 \n -- e".split(" ")


def text():
    return " ".join(random.choice(WORDS) for _ in range(random.randrange(12)))


pairs = [("the cat sat", "the cat sat"), ("", ""), ("a", ""), ("...", "!!"), ("a b c d", "d c b a"), ("a b a", "a a b b")]
pairs += [(text(), text()) for _ in range(40)]
cases = [
    {"reference": r, "candidate": c, "f1": scorer.score(r, c)["rougeL"].fmeasure}
    for r, c in pairs
]
Path(__file__).with_suffix(".json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")
