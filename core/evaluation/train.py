#!/usr/bin/env python3
"""Trains the second look (`core/src/cache/semantic/second_look.rs`): `train.py PROGRAM`, with the model's folder in
LOCKGATE_MODEL_DIR and PROGRAM the `lockgate` built from this tree.

It learns from the tuning half of pairs.csv and from independent.csv, from those pairs that the guards refuse for
nothing but their words. A logistic regression over two numbers; a pair that must not pass weighs more than one that
may, and the border is then moved until none of them passes, with a margin. Standard library only.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# What may be learned from: of the first set its tuning half, the second whole, and nothing of the third.
SETS = [["--pairs", FOLDER / "pairs.csv", "--half", "tuning"], ["--pairs", FOLDER / "independent.csv"]]
# Pairs that are further apart never come to the second look with a sensible threshold.
NEAR = 0.80
NEGATIVE_WEIGHT = 4.0
ROUNDS = 20_000
RATE = 0.5
DECAY = 1e-3
MARGIN = 0.01


def features(program: str) -> list[dict]:
    seen = []
    for pairs in SETS:
        argv = [program, "cache", "eval", *pairs, "--features"]
        seen += json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return [one for one in seen if one["alignment"] is not None and one["similarity"] >= NEAR]


def train(seen: list[dict]) -> tuple[float, float, float]:
    # Centred, so that the descent is quick.
    points = [(one["similarity"] - 0.9, one["alignment"] - 0.5, one["label"] == "same") for one in seen]
    bias = similarity = alignment = 0.0
    total = sum(1.0 if same else NEGATIVE_WEIGHT for _, _, same in points)
    for _ in range(ROUNDS):
        down = [0.0, DECAY * similarity, DECAY * alignment]
        for x, y, same in points:
            share = 1 / (1 + math.exp(-(bias + similarity * x + alignment * y)))
            off = (share - same) * (1.0 if same else NEGATIVE_WEIGHT) / total
            down = [down[0] + off, down[1] + off * x, down[2] + off * y]
        bias, similarity, alignment = (
            bias - RATE * down[0],
            similarity - RATE * down[1],
            alignment - RATE * down[2],
        )
    bias -= similarity * 0.9 + alignment * 0.5
    # In units of alignment, so that the margin has a meaning.
    bias, similarity, alignment = bias / alignment, similarity / alignment, 1.0
    passing = [
        bias + similarity * one["similarity"] + one["alignment"]
        for one in seen
        if one["label"] == "different"
    ]
    bias -= max(0.0, max(passing, default=0.0) + MARGIN)
    return bias, similarity, alignment


def main(program: str) -> None:
    seen = features(program)
    bias, similarity, alignment = train(seen)

    def passes(one: dict) -> bool:
        return bias + similarity * one["similarity"] + alignment * one["alignment"] > 0

    for label in ("same", "different"):
        of = [one for one in seen if one["label"] == label]
        print(f"{label}: {sum(map(passes, of))} of {len(of)} pass")
    print(f"SecondLook {{ bias: {bias:.3f}, similarity: {similarity:.3f}, alignment: {alignment:.3f} }}")


if __name__ == "__main__":
    main(sys.argv[1])
