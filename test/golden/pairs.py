"""Writes pairs.json: how transformers makes tokens of two texts, and what BERT computes of them.

    pip install torch transformers safetensors && python test/golden/pairs.py

Tokenizers are trained here, on the texts themselves; the BERT is that of bert.safetensors.
"""

import json
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

here = Path(__file__).parent
TEXTS = [
    ("Lunch", "Shall we meet at noon? The usual place, I think: they have soup, and a table by the window."),
    ("A question about the invoice of last month, which we have not paid", "We paid it."),
    ("Re: the kettle, the toaster and the lamp in the kitchen", "Who took the kettle, the toaster and the lamp out of the kitchen?"),
    ("", "No subject at all."),
    ("Only a subject, and it goes on for some time without saying much", ""),
    ("The same", "The same"),
]
LENGTHS = [3, 8, 9, 12, 16, 23, 64]


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator([t for pair in TEXTS for t in pair], trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return tokenizer, dict(pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]")


def byte_bpe():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator([t for pair in TEXTS for t in pair], trainers.BpeTrainer(vocab_size=150, special_tokens=special))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer, dict(pad_token="<pad>", cls_token="<s>", sep_token="</s>", unk_token="<unk>")


def encoded(make):
    tokenizer, special = make()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    cases = []
    for n in LENGTHS:
        for text, pair in TEXTS:
            # Fewer places than special tokens are refused.
            if n <= fast.num_special_tokens_to_add(pair=True):
                continue
            # As a batch: of one alone, transformers takes an empty second text for none.
            out = fast([text], [pair], truncation="longest_first", max_length=n, return_token_type_ids=True)
            cases.append(dict(text=text, pair=pair, length=n, ids=out["input_ids"][0], types=out["token_type_ids"][0]))
    with tempfile.TemporaryDirectory() as folder:
        fast.save_pretrained(folder)
        saved = json.loads((Path(folder) / "tokenizer.json").read_text())
    # As it was trained: transformers writes the last cut into the file.
    saved["truncation"] = saved["padding"] = None
    return dict(tokenizer=saved, cases=cases)


def computed():
    """The batch of bert.json, with tokens of two types."""
    golden = json.loads((here / "bert.json").read_text())
    options = {k: v for k, v in golden["config"].items() if k not in ("architectures", "transformers_version", "model_type")}
    config = AutoConfig.for_model("bert", **options)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    tensors = load_file(here / "bert.safetensors")
    model.load_state_dict({n: t for n, t in tensors.items() if ":" not in n}, strict=False)
    lengths = golden["lengths"]
    ids = torch.tensor(golden["ids"]).view(len(lengths), -1)
    places = torch.arange(ids.shape[1])[None, :]
    mask = (places < torch.tensor(lengths)[:, None]).long()
    seconds = [3, 2, 2, 0]
    types = (places >= torch.tensor(seconds)[:, None]).long() * mask
    logits = model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(golden["labels"]))
    loss.backward()
    gradient = model.bert.embeddings.token_type_embeddings.weight.grad
    return dict(seconds=seconds, logits=logits.flatten().tolist(), loss=loss.item(), gradient=gradient.flatten().tolist())


golden = dict(wordpiece=encoded(wordpiece), byte_bpe=encoded(byte_bpe), bert=computed())
(here / "pairs.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")
print({k: len(v.get("cases", [])) for k, v in golden.items()}, (here / "pairs.json").stat().st_size)
