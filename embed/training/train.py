#!/usr/bin/env python3
"""Trains the cross-encoder of `embed/src/cross_encoder.rs`: `train.py OUT.safetensors`, with the model's folder in
LOCKGATE_MODEL_DIR. `pip install -r requirements.txt` first. It takes hours on two cores.

A family is one request in several wordings, and as many requests that look like it and want another answer. Of each
family all pairs of wordings are `same`, and each wording with each of the others is `different`. independent.csv is
learned, too. Nothing of `core/evaluation/held-back.csv` and `pairs.csv` is read.

The model's own weights stay as they are. What is learned is added to them: of each matrix the product of two of low
rank, biases and normalisations whole; and new: what a token is (its text, and whether the other text has it, too) and
the verdict over the first token and the mean of all.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
import math
import os
import random
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).resolve().parent
EVALUATION = FOLDER.parent.parent / "core" / "evaluation"
MODEL = Path(os.environ.get("LOCKGATE_MODEL_DIR", ""))
WIDTH, HEADS, LAYERS, HIDDEN = 384, 12, 6, 64
MATRICES = {
    "attention.self.query": (WIDTH, WIDTH),
    "attention.self.key": (WIDTH, WIDTH),
    "attention.self.value": (WIDTH, WIDTH),
    "attention.output.dense": (WIDTH, WIDTH),
    "intermediate.dense": (4 * WIDTH, WIDTH),
    "output.dense": (WIDTH, 4 * WIDTH),
}
NORMS = ("attention.output.LayerNorm", "output.LayerNorm")
LONGEST = 120
# How often a pair of the evaluation sets is shown for one of the families.
OFTEN = 2
# Pairs that are further apart are not learned from.
NEAR = 0.72

Pair = tuple[str, str, bool]


def families() -> list[list[Pair]]:
    """The pairs of each family."""
    found = []
    for file in sorted((FOLDER / "families").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            family = json.loads(line)
            same, others = family["same"], [one["text"] for one in family["different"]]
            pairs = [(a, b, True) for a, b in itertools.combinations(same, 2)]
            pairs += [(a, b, False) for a in same for b in others]
            found.append(pairs)
    return found


def is_watched(family: list[Pair]) -> bool:
    return hashlib.sha256(family[0][0].encode()).digest()[0] < 4


def evaluation(name: str) -> list[Pair]:
    with (EVALUATION / name).open(encoding="utf-8", newline="") as file:
        return [(row["a"], row["b"], row["label"] == "same") for row in csv.DictReader(file)]


class Tokens:
    """The tokens of a text, without marks."""

    def __init__(self) -> None:
        lines = (MODEL / "vocab.txt").read_text(encoding="utf-8").splitlines()
        vocabulary = {line: number for number, line in enumerate(lines)}
        self.begin, self.end = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self.tokenizer = Tokenizer(
            models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100)
        )
        self.tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        self.tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self.known: dict[str, list[int]] = {}

    def of(self, text: str) -> list[int]:
        if text not in self.known:
            self.known[text] = self.tokenizer.encode(text).ids[:LONGEST]
        return self.known[text]

    def length(self, pair: Pair) -> int:
        return len(self.of(pair[0])) + len(self.of(pair[1])) + 3

    def alone(self, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens of each text by itself, and which of them are there."""
        rows = [torch.tensor([self.begin, *self.of(text), self.end]) for text in texts]
        filled = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
        return filled.clamp(min=0), filled >= 0

    def batch(self, texts: list[tuple[str, str]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tokens, their marks, and which of them are there."""
        rows = []
        for a, b in texts:
            first, second = self.of(a), self.of(b)
            in_first, in_second = set(first), set(second)
            tokens = [self.begin, *first, self.end, *second, self.end]
            marks = [0, *(1 if token in in_second else 2 for token in first), 0]
            marks += [*(4 if token in in_first else 5 for token in second), 3]
            rows.append((tokens, marks))
        longest = max(len(tokens) for tokens, _ in rows)
        filled = torch.zeros(3, len(rows), longest, dtype=torch.long)
        for at, (tokens, marks) in enumerate(rows):
            filled[0, at, : len(tokens)] = torch.tensor(tokens)
            filled[1, at, : len(tokens)] = torch.tensor(marks)
            filled[2, at, : len(tokens)] = 1
        return filled[0], filled[1], filled[2].bool()


class Matrix(nn.Module):
    """A dense step: the model's weights, and what is learned on top of them, whole or of a low rank."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("base", weight, persistent=False)
        self.base_bias = bias
        self.change = nn.Parameter(torch.zeros_like(weight))
        self.bias = nn.Parameter(bias.clone())

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        change = self.high @ self.wide if hasattr(self, "high") else self.change
        return functional.linear(rows, self.base + change, self.bias)

    def lower(self, rank: int) -> None:
        """Keeps of the change what a product of `rank` can hold."""
        left, sizes, right = torch.linalg.svd(self.change.detach(), full_matrices=False)
        root = sizes[:rank].sqrt()
        self.high = nn.Parameter((left[:, :rank] * root).contiguous())
        self.wide = nn.Parameter((root[:, None] * right[:rank]).contiguous())
        del self.change


class Layer(nn.Module):
    def __init__(self, model: dict[str, torch.Tensor], number: int) -> None:
        super().__init__()
        at = f"encoder.layer.{number}."
        self.steps = nn.ModuleList(
            Matrix(model[f"{at}{name}.weight"], model[f"{at}{name}.bias"]) for name in MATRICES
        )
        self.norms = nn.ParameterList(
            nn.Parameter(model[f"{at}{name}.{part}"].clone()) for name in NORMS for part in ("weight", "bias")
        )

    def forward(self, rows: torch.Tensor, there: torch.Tensor, dropout: float) -> torch.Tensor:
        query, key, value, attended, widen, narrow = self.steps
        count, longest, _ = rows.shape

        def heads(numbers: torch.Tensor) -> torch.Tensor:
            return numbers.view(count, longest, HEADS, WIDTH // HEADS).transpose(1, 2)

        mixed = functional.scaled_dot_product_attention(
            heads(query(rows)), heads(key(rows)), heads(value(rows)), attn_mask=there[:, None, None, :]
        )
        more = attended(mixed.transpose(1, 2).reshape(count, longest, WIDTH))
        rows = self.norm(0, rows + functional.dropout(more, dropout, self.training))
        more = narrow(functional.gelu(widen(rows)))
        return self.norm(2, rows + functional.dropout(more, dropout, self.training))

    def norm(self, at: int, rows: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(rows, (WIDTH,), self.norms[at], self.norms[at + 1], 1e-12)


class CrossEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        found = load_file(MODEL / "model.safetensors")
        model = {name.removeprefix("bert."): tensor.float() for name, tensor in found.items()}
        self.model = model
        self.layers = nn.ModuleList(Layer(model, number) for number in range(LAYERS))
        types = model["embeddings.token_type_embeddings.weight"]
        # Relative to the first text, as the model alone has it.
        self.marks = nn.Parameter((types - types[0]).repeat_interleave(3, dim=0))
        self.hidden, self.verdict = nn.Linear(2 * WIDTH, HIDDEN), nn.Linear(HIDDEN, 1)
        self.dropout = 0.1

    def forward(self, tokens: torch.Tensor, marks: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        rows = self.contextual(tokens, self.marks[marks], there)
        read = torch.cat([rows[:, 0], mean(rows, there)], 1)
        read = functional.dropout(read, self.dropout, self.training)
        return self.verdict(functional.gelu(self.hidden(read))).squeeze(1)

    def contextual(self, tokens: torch.Tensor, more: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        model = self.model
        rows = model["embeddings.word_embeddings.weight"][tokens] + more
        rows = rows + model["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        rows = rows + model["embeddings.token_type_embeddings.weight"][0]
        norm = (model["embeddings.LayerNorm.weight"], model["embeddings.LayerNorm.bias"])
        rows = functional.layer_norm(rows, (WIDTH,), *norm, 1e-12)
        for layer in self.layers:
            rows = layer(rows, there, self.dropout)
        return rows.float()

    def lower(self, rank: int) -> None:
        for layer in self.layers:
            for step in layer.steps:
                step.lower(rank)

    def save(self, file: Path) -> None:
        """As `embed/src/cross_encoder.rs` reads it."""
        learned = {"marks": self.marks, "hidden.weight": self.hidden.weight, "hidden.bias": self.hidden.bias}
        learned |= {"verdict.weight": self.verdict.weight, "verdict.bias": self.verdict.bias}
        for number, layer in enumerate(self.layers):
            at = f"encoder.layer.{number}."
            for name, step in zip(MATRICES, layer.steps, strict=True):
                learned[f"{at}{name}.weight.high"] = step.high
                learned[f"{at}{name}.weight.wide"] = step.wide
                learned[f"{at}{name}.bias"] = step.bias - step.base_bias
            parts = [f"{at}{name}.{part}" for name in NORMS for part in ("weight", "bias")]
            learned |= {part: norm - self.model[part] for part, norm in zip(parts, layer.norms, strict=True)}
        save_file({name: one.detach().to(torch.bfloat16).contiguous() for name, one in learned.items()}, file)

    def load(self, file: Path) -> None:
        """What `save` wrote."""
        learned = {name: one.float() for name, one in load_file(file).items()}
        for number, layer in enumerate(self.layers):
            at = f"encoder.layer.{number}."
            for name, step in zip(MATRICES, layer.steps, strict=True):
                del step.change
                step.high = nn.Parameter(learned[f"{at}{name}.weight.high"])
                step.wide = nn.Parameter(learned[f"{at}{name}.weight.wide"])
                step.bias.data = step.base_bias + learned[f"{at}{name}.bias"]
            parts = [f"{at}{name}.{part}" for name in NORMS for part in ("weight", "bias")]
            for part, norm in zip(parts, layer.norms, strict=True):
                norm.data = self.model[part] + learned[part]
        self.marks.data = learned["marks"]
        for step, name in ((self.hidden, "hidden"), (self.verdict, "verdict")):
            step.weight.data, step.bias.data = learned[f"{name}.weight"], learned[f"{name}.bias"]


def mean(rows: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    return (rows * there[..., None]).sum(1) / there.sum(1, keepdim=True)


def near(pairs: list[Pair], tokens: Tokens) -> list[Pair]:
    """Those whose vectors, by the model as it is, are near one another: others never come to be read together."""
    model = CrossEncoder().eval()
    texts = sorted({text for a, b, _ in pairs for text in (a, b)}, key=lambda text: len(tokens.of(text)))
    vectors = {}
    with torch.no_grad():
        for start in range(0, len(texts), 128):
            part = texts[start : start + 128]
            found, there = tokens.alone(part)
            of = functional.normalize(mean(model.contextual(found, torch.zeros(1), there), there))
            vectors |= zip(part, of, strict=True)
    return [pair for pair in pairs if float(vectors[pair[0]] @ vectors[pair[1]]) >= NEAR]


def batches(pairs: list[Pair], tokens: Tokens, size: int) -> list[list[Pair]]:
    """All pairs in random order, those of like length together."""
    shuffled = random.sample(pairs, len(pairs))
    found = []
    for start in range(0, len(shuffled), size * 32):
        part = sorted(shuffled[start : start + size * 32], key=tokens.length)
        found += [part[at : at + size] for at in range(0, len(part), size)]
    return random.sample(found, len(found))


def scores(model: CrossEncoder, tokens: Tokens, pairs: list[Pair]) -> list[float]:
    model.eval()
    order = sorted(range(len(pairs)), key=lambda at: tokens.length(pairs[at]))
    found = [0.0] * len(pairs)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), 128):
            part = order[start : start + 128]
            read = model(*tokens.batch([pairs[at][:2] for at in part]))
            for at, score in zip(part, read.float().tolist(), strict=True):
                found[at] = score
    model.train()
    return found


def report(model: CrossEncoder, tokens: Tokens, pairs: list[Pair]) -> str:
    found = scores(model, tokens, pairs)
    right = sum((score > 0) == same for score, (_, _, same) in zip(found, pairs, strict=True)) / len(pairs)
    others = sorted(score for score, (_, _, same) in zip(found, pairs, strict=True) if not same)
    cut = others[-max(1, len(others) // 50)]
    same = [score for score, (_, _, same) in zip(found, pairs, strict=True) if same]
    answered = sum(score > cut for score in same) / len(same)
    return f"{right:.1%} right, {answered:.1%} of the same where 2 % of the others pass"


def stage(
    model: CrossEncoder,
    tokens: Tokens,
    learned: list[Pair],
    seen: list[Pair],
    epochs: float,
    rate: float,
    size: int,
) -> None:
    """Goes over the pairs `epochs` times; the rate rises in the first twentieth and then falls to nothing."""
    parameters = [one for one in model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01, fused=True)
    rounds = [batch for _ in range(math.ceil(epochs)) for batch in batches(learned, tokens, size)]
    rounds = rounds[: int(len(rounds) * epochs / math.ceil(epochs))] if epochs else []
    began, lost = time.time(), 0.0
    for number, batch in enumerate(rounds):
        share = number / len(rounds)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (share + 1e-4) * 20) * (1 - share)
        texts = [(a, b) if random.random() < 0.5 else (b, a) for a, b, _ in batch]
        same = torch.tensor([float(same) for _, _, same in batch])
        with torch.autocast("cpu", torch.bfloat16):
            read = model(*tokens.batch(texts))
        # Labels are a little softened, and the same weigh more, of whom there are fewer.
        each = functional.binary_cross_entropy_with_logits(
            read.float(), same * 0.97 + 0.015, reduction="none"
        )
        loss = (each * (1 + same / 2)).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        lost += loss.item()
        if (number + 1) % 100 == 0:
            print(
                f"{number + 1} of {len(rounds)}: loss {lost / 100:.3f}, {time.time() - began:.0f} s",
                flush=True,
            )
            lost = 0.0
        if (number + 1) % 600 == 0 or number + 1 == len(rounds):
            print(f"not learned from: {report(model, tokens, seen)}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--whole", type=float, default=2, help="epochs in which all of the weights change")
    arguments.add_argument("--low", type=float, default=0, help="epochs in which changes of a low rank go on")
    arguments.add_argument("--rank", type=int, default=48)
    arguments.add_argument("--size", type=int, default=64, help="pairs of a batch")
    arguments.add_argument(
        "--state", type=Path, help="kept between the two stages; begun from, if it is there"
    )
    chosen = arguments.parse_args()
    random.seed(1)
    torch.manual_seed(1)
    tokens, model = Tokens(), CrossEncoder()
    every = families()
    # A few families only tell how it goes.
    seen = [pair for family in every if is_watched(family) for pair in family]
    learned = [pair for family in every if not is_watched(family) for pair in family]
    learned += evaluation("independent.csv") * OFTEN
    learned, seen = near(learned, tokens), near(seen, tokens)
    print(f"{len(learned)} pairs of {len(every)} families to learn, {len(seen)} to watch", flush=True)
    if chosen.state and chosen.state.exists():
        model.load_state_dict(torch.load(chosen.state))
    stage(model, tokens, learned, seen, chosen.whole, 2e-4, chosen.size)
    if chosen.state:
        torch.save(model.state_dict(), chosen.state)
    model.lower(chosen.rank)
    stage(model, tokens, learned, seen, chosen.low, 1.5e-4, chosen.size)
    model.save(chosen.out)


if __name__ == "__main__":
    main()
