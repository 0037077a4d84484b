"""Writes multitask.json and multitask.safetensors: how PyTorch trains a tiny BERT that two tasks share.

    pip install torch transformers safetensors && python test/golden/multitask.py

Every third update is one of a classifier, the others of a tagger; each task's loss is weighted by its uncertainty (Kendall
et al. 2018). A parameter that an update has no gradient for stays as it is, its moments too. Batches, clipping and the rate
are those of together.py.
"""

import json

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

import trajectory
from together import RATE, TOTAL, UPDATES, adamw, step
from trajectory import LENGTH, WARMUP, batches, here, plain

if __name__ == "__main__":
    torch.set_num_threads(1)
    texts, words = (
        trajectory.fresh("bert", kind) for kind in (AutoModelForSequenceClassification, AutoModelForTokenClassification)
    )
    with torch.no_grad():
        for parameter in [*texts.parameters(), *words.parameters()]:
            if parameter.ndim > 1:
                parameter.mul_(5)
    # The tagger's head is its classifier alone; of the other one the pooler too.
    words.bert.embeddings, words.bert.encoder = texts.bert.embeddings, texts.bert.encoder
    variances = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    head = ("bert.pooler", "classifier")
    named = {(f"task.texts.{n}" if n.startswith(head) else n): p for n, p in texts.named_parameters()}
    named.update({f"task.words.{n}": p for n, p in words.named_parameters() if n.startswith(head)})
    tensors = {n: p.detach().clone() for n, p in named.items()}
    named.update({"task.texts.log_variance": variances[0], "task.words.log_variance": variances[1]})
    optimiser = adamw(list(named.items()))
    windows = batches([4])[:UPDATES]
    found = []
    for update, ((ids, mask, labels),) in enumerate(windows):
        task = 0 if update % 3 == 0 else 1
        if task == 0:
            loss = F.cross_entropy(texts(input_ids=ids, attention_mask=mask).logits, labels)
        else:
            real = mask.bool()
            loss = F.cross_entropy(words(input_ids=ids, attention_mask=mask).logits[real], ids[real] % 3)
        s = variances[task]
        whole = (torch.exp(-s) * loss + s / 2).sum()
        found.append([loss.item(), whole.item(), *(v.item() for v in variances)])
        mine = [p for n, p in named.items() if not n.startswith(f"task.{('words', 'texts')[task]}.")]
        step([optimiser], [mine], whole, update)
    save_file(tensors, here / "multitask.safetensors", {"format": "pt"})
    found = [[float(f"{x:.9g}") for x in each] for each in found]
    told = dict(total=TOTAL, warmup=WARMUP, length=LENGTH, rate=RATE, batches=[w[0] for w in plain(windows)], updates=found)
    (here / "multitask.json").write_text(json.dumps(told) + "\n")
    print(found[0], found[-1])
