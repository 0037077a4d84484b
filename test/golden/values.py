"""Writes values.safetensors: each layer's values in the models of architectures.py (run that first), as `<name>/<layer>`
[texts, kv heads, tokens, width].
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from architectures import CONFIGS, catching_attention

here = Path(__file__).parent
found, caught = {}, []


def catching_values(module, query, key, value, *rest, **options):
    caught.append(value.detach().contiguous().clone())
    return catching_attention(module, query, key, value, *rest, **options)


ALL_ATTENTION_FUNCTIONS.register("catching", catching_values)
for name, (kind, options) in CONFIGS.items():
    config = AutoConfig.for_model(kind, **options, num_labels=3)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="catching").eval()
    model.load_state_dict(load_file(here / f"{name}.safetensors"), strict=False)
    golden = json.loads((here / f"{name}.json").read_text())
    rows, length = len(golden["lengths"]), max(golden["lengths"])
    ids = torch.tensor(golden["ids"]).view(rows, length)
    mask = (torch.arange(length)[None, :] < torch.tensor(golden["lengths"])[:, None]).long()
    caught.clear()
    model(input_ids=ids, attention_mask=mask)
    found.update({f"{name}/{layer}": value for layer, value in enumerate(caught, 1)})
save_file(found, here / "values.safetensors")
