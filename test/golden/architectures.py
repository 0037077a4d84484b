"""Writes <name>.json and <name>.safetensors for each architecture: what transformers computes with a tiny model.

    pip install torch transformers safetensors && python test/golden/architectures.py [name...]

Weights are large compared with usual initial ones, so that softmaxes and activations are not near their linear parts.
Attention scores are caught on their way into the softmax, where transformers hands them over.
"""

import json
import math
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

here = Path(__file__).parent
torch.set_num_threads(1)

LENGTHS = [8, 5, 2, 1]
LABELS = [2, 0, 1, 1]
VOCABULARY = 50
POSITIONS = 12

ROBERTA = dict(pad_token_id=1, max_position_embeddings=POSITIONS + 2, layer_norm_eps=1e-5, type_vocab_size=1)
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32, vocab_size=VOCABULARY)
LLAMA = dict(**SIZES, num_key_value_heads=2, max_position_embeddings=POSITIONS, pad_token_id=0, bos_token_id=None, eos_token_id=None)
# Of its three angles one is kept, one stretched and one between.
ROPE3 = dict(rope_type="llama3", factor=4.0, low_freq_factor=0.1, high_freq_factor=1.2, original_max_position_embeddings=8)
CONFIGS = {
    "bert": ("bert", dict(**SIZES, max_position_embeddings=POSITIONS)),
    "distilbert": (
        "distilbert",
        dict(vocab_size=VOCABULARY, dim=16, n_layers=2, n_heads=4, hidden_dim=32, max_position_embeddings=POSITIONS),
    ),
    "roberta": ("roberta", dict(**SIZES, **ROBERTA)),
    # Layers 1 and 2 share their parameters, 3 has its own.
    "albert": (
        "albert",
        dict(**{**SIZES, "num_hidden_layers": 3}, num_hidden_groups=2, embedding_size=6, max_position_embeddings=POSITIONS),
    ),
    "gpt2": (
        "gpt2",
        dict(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=4, n_inner=32, n_positions=POSITIONS, pad_token_id=0,
             bos_token_id=None, eos_token_id=None),
    ),
    "llama": ("llama", dict(**LLAMA, rope_parameters=dict(rope_type="default", rope_theta=10000.0))),
    "llama3": ("llama", dict(**LLAMA, head_dim=6, rope_parameters=dict(**ROPE3, rope_theta=100.0), tie_word_embeddings=True)),
    "qwen2": ("qwen2", dict(**LLAMA, tie_word_embeddings=True)),
    "qwen3": ("qwen3", dict(**LLAMA, head_dim=6, tie_word_embeddings=True)),
}
# As most folders in the wild have it.
LEGACY = {"llama3": dict(rope_theta=100.0, rope_scaling=ROPE3)}

scores = []


def catching_attention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **_):
    """transformers' eager attention, which also keeps its scores before the mask."""
    groups = query.shape[1] // key.shape[1]
    key, value = (t.repeat_interleave(groups, dim=1) for t in (key, value))
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    own = query @ key.transpose(2, 3) * scaling
    scores.append(own)
    if attention_mask is not None:
        own = own + attention_mask[:, :, :, : key.shape[2]]
    return (own.softmax(-1) @ value).transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register("catching", catching_attention)
# It makes the same additive masks as the eager one.
transformers.masking_utils.ALL_MASK_ATTENTION_FUNCTIONS.register("catching", transformers.masking_utils.eager_mask)


def fill(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
            if "norm" in name.lower() and name.endswith("weight") or ".ln_" in name and name.endswith("weight"):
                parameter.add_(1)


def batch(pad):
    ids = torch.randint(5, VOCABULARY, (len(LENGTHS), max(LENGTHS)))
    mask = torch.zeros_like(ids)
    for row, n in enumerate(LENGTHS):
        mask[row, :n] = 1
    return ids * mask + pad * (1 - mask), mask


def numbers(t):
    """As many digits as float32 has."""
    return [float(f"{x:.9g}") for x in t.detach().double().flatten().tolist()]


def gradients(model, loss, prefix):
    model.zero_grad()
    loss.backward()
    return {prefix + n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def golden(name):
    torch.manual_seed(7)
    kind, options = CONFIGS[name]
    config = AutoConfig.for_model(kind, **options, num_labels=3)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="catching").eval()
    fill(model)
    pad = config.pad_token_id
    ids, mask = batch(pad)
    scores.clear()
    out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    caught = list(scores)
    loss = F.cross_entropy(out.logits, torch.tensor(LABELS))
    tensors = {n: p.detach().clone() for n, p in model.named_parameters()}
    tensors.update(gradients(model, loss, "grad:"))
    found = {
        "config": {**model.config.to_dict(), "architectures": [type(model).__name__]},
        "lengths": LENGTHS,
        "ids": ids.flatten().tolist(),
        "logits": numbers(out.logits),
        "hiddenStates": [numbers(h) for h in out.hidden_states],
        "attentionScores": [numbers(s) for s in caught],
        "labels": LABELS,
        "loss": loss.item(),
    }
    if name in LEGACY:
        found["legacyConfig"] = {**found["config"], "rope_parameters": None, **LEGACY[name]}
    if kind in ("gpt2", "llama", "qwen2", "qwen3"):
        lm = AutoModelForCausalLM.from_config(config, attn_implementation="catching").eval()
        fill(lm)
        body = {n: p for n, p in model.named_parameters() if not n.startswith("score")}
        lm.load_state_dict(body, strict=False)
        logits = lm(input_ids=ids, attention_mask=mask).logits
        real = mask[:, 1:].bool()
        lm_loss = F.cross_entropy(logits[:, :-1][real], ids[:, 1:][real])
        tensors.update({n: p.detach().clone() for n, p in lm.named_parameters() if n not in tensors})
        tensors.update(gradients(lm, lm_loss, "lm-grad:"))
        prompt = ids[:1, :3]
        made = prompt
        for _ in range(6):  # without a cache: what generation with one has to equal
            made = torch.cat([made, lm(input_ids=made).logits[:, -1].argmax(-1, keepdim=True)], 1)
        found["lm"] = {
            "logits": numbers(logits),
            "loss": lm_loss.item(),
            "greedy": {"prompt": prompt[0].tolist(), "tokens": made[0, 3:].tolist()},
        }
        last = torch.stack([logits_row[n - 1] for logits_row, n in zip(out.hidden_states[-1], LENGTHS)])
        assert torch.allclose(last @ model.score.weight.T, out.logits, atol=1e-5), "a text's last token is classified"
    save_file(tensors, here / f"{name}.safetensors", {"format": "pt"})
    (here / f"{name}.json").write_text(json.dumps(found, default=str) + "\n")
    print(name, [t.shape for t in out.hidden_states][:1], (here / f"{name}.json").stat().st_size)


if __name__ == "__main__":
    for name in sys.argv[1:] or CONFIGS:
        golden(name)
