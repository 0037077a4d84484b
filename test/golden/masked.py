"""Writes masked-<name>.json and .safetensors: the encoders of architectures.py as transformers' masked language models.

    pip install torch transformers safetensors && python test/golden/masked.py

The bodies are those of <name>.safetensors; the head is made here. Logits are those at the hidden tokens' places.

triple.json and .safetensors have DistilBERT's three losses (Sanh et al. 2019) of the same BERT with another as teacher, as
its code computes them with --restrict_ce_to_mask, and the gradients of their sum with the code's weights.
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


def triple():
    torch.manual_seed(12)
    found, masked = (json.loads((here / f"{n}bert.json").read_text()) for n in ["", "masked-"])
    config = AutoConfig.for_model(**{**found["config"], "tie_word_embeddings": True})
    student, teacher = (AutoModelForMaskedLM.from_config(config, attn_implementation="eager").eval() for _ in range(2))
    fill(teacher)
    for name in ["bert", "masked-bert"]:
        student.load_state_dict(load_file(here / f"{name}.safetensors"), strict=False)
    student.tie_weights()
    ids = torch.tensor(masked["ids"]).view(len(LENGTHS), max(LENGTHS))
    mask = (torch.arange(max(LENGTHS))[None, :] < torch.tensor(LENGTHS)[:, None]).long()
    at = torch.tensor(masked["positions"])
    own, theirs = (m(input_ids=ids, attention_mask=mask, output_hidden_states=True) for m in [student, teacher])
    s, t = (out.logits.flatten(0, 1)[at] for out in [own, theirs])
    kl = F.kl_div(F.log_softmax(s / 2, -1), F.softmax(t.detach() / 2, -1), reduction="batchmean") * 2**2
    mlm = F.cross_entropy(s, torch.tensor(masked["targets"]))
    real = mask.flatten().bool()
    a, b = (out.hidden_states[-1].flatten(0, 1)[real] for out in [own, theirs])
    cosine = F.cosine_embedding_loss(a, b.detach(), torch.ones(len(a)))
    tensors = {f"teacher:{n}": p.detach().clone() for n, p in teacher.named_parameters()}
    tensors.update(gradients(student, 5 * kl + 2 * mlm + 1 * cosine, "grad:"))
    save_file(tensors, here / "triple.safetensors", {"format": "pt"})
    losses = {"soft-label": kl.item(), "masked-lm": mlm.item(), "hidden-states": cosine.item()}
    (here / "triple.json").write_text(json.dumps(losses) + "\n")
    print("triple", losses)


if __name__ == "__main__":
    for name in ["bert", "distilbert", "roberta", "albert"]:
        golden(name)
    triple()
