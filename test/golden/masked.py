"""Writes masked-<name>.json and .safetensors: the encoders of architectures.py as transformers' masked language models.

    pip install torch transformers safetensors && python test/golden/masked.py

The bodies are those of <name>.safetensors; the head is made here. Logits are those at the hidden tokens' places.
"""

import json
from pathlib import Path

import torch
from architectures import LENGTHS, VOCABULARY, fill, gradients, numbers
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForMaskedLM

here = Path(__file__).parent
MASK = 4
PLACES = [[1, 3, 6], [2, 4], [1], [0]]


def golden(name):
    torch.manual_seed(11)
    found = json.loads((here / f"{name}.json").read_text())
    config = AutoConfig.for_model(**{**found["config"], "tie_word_embeddings": True})
    model = AutoModelForMaskedLM.from_config(config, attn_implementation="eager").eval()
    fill(model)
    model.tie_weights()
    body = {n: t for n, t in load_file(here / f"{name}.safetensors").items() if not n.startswith("grad:")}
    model.load_state_dict(body, strict=False)
    ids = torch.tensor(found["ids"]).view(len(LENGTHS), max(LENGTHS))
    mask = (torch.arange(max(LENGTHS))[None, :] < torch.tensor(LENGTHS)[:, None]).long()
    rows = torch.tensor([row for row, places in enumerate(PLACES) for _ in places])
    places = torch.tensor([place for row in PLACES for place in row])
    targets = ids[rows, places]
    hidden = ids.clone()
    hidden[rows, places] = MASK
    hidden[0, 6] = 33  # another token in its place
    logits = model(input_ids=hidden, attention_mask=mask).logits[rows, places]
    loss = F.cross_entropy(logits, targets)
    tensors = {n: p.detach().clone() for n, p in model.named_parameters() if n not in body}
    tensors.update(gradients(model, loss, "mlm-grad:"))
    save_file(tensors, here / f"masked-{name}.safetensors", {"format": "pt"})
    out = {
        "architectures": [type(model).__name__],
        "ids": hidden.flatten().tolist(),
        "positions": (rows * max(LENGTHS) + places).tolist(),
        "targets": targets.tolist(),
        "logits": numbers(logits),
        "loss": loss.item(),
    }
    assert logits.shape == (len(targets), VOCABULARY)
    (here / f"masked-{name}.json").write_text(json.dumps(out) + "\n")
    print(name, sorted(n for n in tensors if not n.startswith("mlm-grad:")))


if __name__ == "__main__":
    for name in ["bert", "distilbert", "roberta"]:
        golden(name)
