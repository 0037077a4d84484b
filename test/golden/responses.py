"""Writes responses.json and responses.safetensors: transformers' own loss of responses, whose prompts are labelled -100.

Run architectures.py first: the models, their weights and the texts are those. Gradients are `<model>/<parameter>`.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from architectures import CONFIGS, LENGTHS, numbers

here = Path(__file__).parent
# Tokens of each text that are its prompt; of the last text nothing is to be written.
GIVEN = [3, 1, 1, 1]

losses, gradients = {}, {}
for name in ("gpt2", "llama"):
    kind, options = CONFIGS[name]
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **options)).eval()
    stored = {n: t for n, t in load_file(here / f"{name}.safetensors").items() if "grad:" not in n}
    model.load_state_dict(stored, strict=False)
    ids = torch.tensor(json.loads((here / f"{name}.json").read_text())["ids"]).view(len(LENGTHS), max(LENGTHS))
    labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
    for row, (given, n) in enumerate(zip(GIVEN, LENGTHS, strict=True)):
        labels[row, given:n] = ids[row, given:n]
        mask[row, :n] = 1
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    losses[name] = numbers(loss)[0]
    for parameter, p in model.named_parameters():
        gradients[f"{name}/{parameter}"] = p.grad.clone()
save_file(gradients, here / "responses.safetensors")
(here / "responses.json").write_text(json.dumps({"given": GIVEN, "losses": losses}) + "\n")
