"""Loads what test/models/saved.test.ts saved with transformers, holds its logits against those of architectures.py and
tasks.py, and writes the digests of what it has loaded to saved.json."""

import hashlib
import json
import sys
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

here = Path(__file__).parent
tasks = json.loads((here / "tasks.json").read_text())["cases"]
CASES = {"token-classifier": "tags", "multi-label": "labels", "regression": "score"}
judged = {}
for folder in sorted(Path(sys.argv[1]).glob("*-*")):
    name, head = folder.name.split("-", 1)
    golden = json.loads((here / f"{name}.json").read_text())
    rows, length = len(golden["lengths"]), max(golden["lengths"])
    masked = head == "masked-language-model" and json.loads((here / f"masked-{name}.json").read_text())
    ids = torch.tensor(masked["ids"] if masked else golden["ids"]).view(rows, length)
    mask = (torch.arange(length)[None, :] < torch.tensor(golden["lengths"])[:, None]).long()
    kind = {"language-model": AutoModelForCausalLM, "token-classifier": AutoModelForTokenClassification,
            "masked-language-model": AutoModelForMaskedLM}.get(head, AutoModelForSequenceClassification)
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, attention_mask=mask).logits
    if masked:
        logits, expected = logits.flatten(0, 1)[masked["positions"]], masked["logits"]
    elif head in CASES:
        expected = tasks[f"{name} {CASES[head]}"]["logits"]
    else:
        expected = golden["logits"] if head == "classifier" else golden["lm"]["logits"]
    expected = torch.tensor(expected).view_as(logits)
    real = torch.ones(len(logits)).bool() if logits.dim() == 2 else mask.bool()
    difference = (logits - expected)[real].abs().max().item()
    print(f"{folder.name}: {type(model).__name__}, logits differ by at most {difference:.1e}")
    assert difference < 1e-5
    labels = {0: "score"} if head == "regression" else {0: "first", 1: "second", 2: "third"}
    assert head.endswith("language-model") or model.config.id2label == labels
    problem = {"multi-label": "multi_label_classification", "regression": "regression"}.get(head)
    assert problem is None or model.config.problem_type == problem
    judged[folder.name] = {
        file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in ["config.json", "model.safetensors"]
    }
(here / "saved.json").write_text(json.dumps(judged, indent=2) + "\n")
