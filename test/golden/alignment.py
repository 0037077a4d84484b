"""Writes alignment.json: a small WordPiece tokenizer, and which token carries each word's tag in transformers.

    pip install transformers tokenizers && python test/golden/alignment.py
"""

import json
from pathlib import Path

from tokenizers import BertWordPieceTokenizer
from transformers import PreTrainedTokenizerFast

SENTENCES = [
    "The jury said Friday an investigation of Atlanta's primary election produced `` no evidence '' .",
    "Mr. Müller-Lüdenscheidt paid $ 1,250.50 in San José , e.g. in cash !",
    "😀 emoji 👩‍👩‍👧 and 漢字 in one line",
    "a",
    "unbelievable internationalization of supercalifragilisticexpialidocious words",
]
trained = BertWordPieceTokenizer(lowercase=True)
trained.train_from_iterator(SENTENCES * 3 + ["the in of an and no one words"], vocab_size=120, min_frequency=2)
tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, pad_token="[PAD]")
cases = []
for sentence in SENTENCES:
    words = sentence.split()
    for most in [64, 8]:
        encoded = tokenizer(words, is_split_into_words=True, truncation=True, max_length=most)
        of = encoded.word_ids()
        cases.append({
            "words": words, "max_length": most, "ids": encoded["input_ids"],
            "first": [of.index(w) if w in of else -1 for w in range(len(words))],
        })
found = {"tokenizer": json.loads(trained.to_str()), "cases": cases}
(Path(__file__).parent / "alignment.json").write_text(json.dumps(found) + "\n")
