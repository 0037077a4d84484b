"""Loads exported folders with Python's transformers and onnxruntime and compares what they say.

    EXPORT_TO=/tmp/exported npx vitest run test/export/export.test.ts
    python test/golden/exported.py /tmp/exported
"""
import os
import sys

import numpy as np
import onnxruntime
import torch
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    pipeline,
)

CLASSES = {
    "classifier": AutoModelForSequenceClassification,
    "multi-label": AutoModelForSequenceClassification,
    "regression": AutoModelForSequenceClassification,
    "token-classifier": AutoModelForTokenClassification,
    "none": AutoModel,
    "language-model": AutoModelForCausalLM,
    "masked-language-model": AutoModelForMaskedLM,
}
TEXTS = ["the old red chair", "blue", "the green lamp and the door 7! naïve Zürich 日本", "red red red cup and lamp"]


def graph(folder, name, batch, positions):
    session = onnxruntime.InferenceSession(f"{folder}/onnx/{name}.onnx", providers=["CPUExecutionProvider"])
    feeds = {}
    for port in session.get_inputs():
        if port.name.startswith("past_key_values"):
            feeds[port.name] = np.zeros([len(TEXTS), port.shape[1], 0, port.shape[3]], dtype=np.float32)
        elif port.name == "position_ids":
            feeds[port.name] = positions
        else:
            feeds[port.name] = batch.get(port.name, torch.zeros_like(batch["input_ids"])).numpy()
    return session.run([session.get_outputs()[0].name], feeds)[0]


def filled(path, tokenizer):
    """The largest difference between the probabilities of a fill-mask pipeline's words and the graph's."""
    text = TEXTS[0].replace("old", tokenizer.mask_token)
    found = pipeline("fill-mask", path)(text, top_k=10)
    batch = tokenizer([text] * len(TEXTS), return_tensors="pt")
    logits = graph(path, "model", batch, None)[0]
    place = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    own = torch.softmax(torch.tensor(logits[place]), 0)
    assert [word["token"] for word in found] == own.topk(10).indices.tolist(), path
    return max(abs(word["score"] - float(own[word["token"]])) for word in found)


worst = 0.0
for folder in sorted(os.listdir(sys.argv[1])):
    path = os.path.join(sys.argv[1], folder)
    head = folder.split("-", 1)[1]
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = CLASSES[head].from_pretrained(path).eval()
    tokenizer.padding_side = "right"
    batch = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    inputs = {k: v for k, v in batch.items() if k != "token_type_ids" or model.config.model_type in ("albert", "bert")}
    with torch.no_grad():
        out = model(**inputs)
    theirs = (out.last_hidden_state if head == "none" else out.logits).numpy()
    positions = np.tile(np.arange(batch["input_ids"].shape[1]), (len(TEXTS), 1))
    mine = graph(path, "model", inputs, positions)
    coarse = graph(path, "model_quantized", inputs, positions)
    if theirs.ndim == 3:
        real = batch["attention_mask"].numpy().astype(bool)
        theirs, mine, coarse = theirs[real], mine[real], coarse[real]
    difference = float(np.abs(theirs - mine).max())
    if head == "masked-language-model":
        own = filled(path, tokenizer)
        print(f"{folder:24} {own:.1e}  probabilities of the fill-mask pipeline's first ten words")
        difference = max(difference, own)
    worst = max(worst, difference)
    print(f"{folder:24} {difference:.1e}  in 8-bit integers {np.abs(theirs - coarse).max():.1e} of {np.abs(theirs).max():.1f}")
assert worst <= 1e-4, worst
print(f"worst {worst:.1e}; torch {torch.__version__}, onnxruntime {onnxruntime.__version__}")
