"""Writes bert.json and bert.safetensors: what PyTorch and transformers compute with a tiny BERT.

    pip install torch transformers numpy safetensors && python test/golden/bert.py

Weights are large compared with BERT's initial ones, so that the softmaxes and GELUs are not near their linear parts.
Scores are computed here from the layers' own weights: transformers gives only probabilities.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

here = Path(__file__).parent
torch.manual_seed(7)
torch.set_num_threads(1)

config = BertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=32,
    max_position_embeddings=12,
    num_labels=3,
    attn_implementation="eager",
)
LENGTHS = [8, 5, 2, 1]


def tiny():
    model = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
            if "LayerNorm.weight" in name:
                parameter.add_(1)
    return model


def run(model, ids, mask):
    out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    scores = []
    width = config.hidden_size // config.num_attention_heads
    for i, layer in enumerate(model.bert.encoder.layer):
        x = out.hidden_states[i]
        split = lambda t: t.view(*t.shape[:2], config.num_attention_heads, width).transpose(1, 2)
        own = layer.attention.self
        scores.append(split(own.query(x)) @ split(own.key(x)).transpose(-1, -2) / math.sqrt(width))
    return out.logits, list(out.hidden_states), scores


def batch():
    ids = torch.randint(5, config.vocab_size, (len(LENGTHS), max(LENGTHS)))
    mask = torch.zeros_like(ids)
    for row, n in enumerate(LENGTHS):
        mask[row, :n] = 1
    return ids * mask, mask


def numbers(t):
    """As many digits as float32 has."""
    return [float(f"{x:.9g}") for x in t.detach().double().flatten().tolist()]


if __name__ == "__main__":
    model = tiny()
    save_file(dict(model.named_parameters()), here / "bert.safetensors", {"format": "pt"})
    ids, mask = batch()
    with torch.no_grad():
        logits, hidden, scores = run(model, ids, mask)
    found = {
        "config": {
            "type": "bert",
            "vocabulary": config.vocab_size,
            "layers": config.num_hidden_layers,
            "hidden": config.hidden_size,
            "heads": config.num_attention_heads,
            "intermediate": config.intermediate_size,
            "maxLength": config.max_position_embeddings,
            "labels": config.num_labels,
            "dropout": 0,
        },
        "lengths": LENGTHS,
        "ids": ids.flatten().tolist(),
        "logits": numbers(logits),
        "hiddenStates": [numbers(h) for h in hidden],
        "attentionScores": [numbers(s) for s in scores],
    }
    (here / "bert.json").write_text(json.dumps(found) + "\n")
