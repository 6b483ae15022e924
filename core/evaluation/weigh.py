#!/usr/bin/env python3
"""Weighs what the guards object to against what the model reads (`core/src/cache/semantic/second_look.rs`): `weigh.py
PROGRAM`, with the model's folder in LOCKGATE_MODEL_DIR and PROGRAM the `lockgate` built from this tree.

From the tuning halves of pairs.csv and held-back.csv, of which the model was taught no pair: a logistic regression over
the model's log-odds and one number for each guard that objects, where what must not pass weighs more. Then the least
log-odds are moved until, at the threshold that is asked for, a share of the paraphrases is left: there are more of them
than of traps that pass, so that the bar does not hang on two or three pairs. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
GUARDS = [
    "numbers",
    "units",
    "dates",
    "polarity",
    "entities",
    "code",
    "context",
    "question_type",
    "direction",
    "words",
]
# What a guard's objection weighs at least: where numbers, negation or code differ, or who does what, the model must be
# all but certain.
AT_LEAST = {
    "numbers": 3.0,
    "units": 3.0,
    "polarity": 3.0,
    "code": 3.0,
    "direction": 3.5,
    "entities": 1.5,
    "words": 0.0,
}
AT_LEAST_ELSE = 1.0
# As in second_look.rs.
MARGIN = 1.0
# Pairs that are further apart are no hits at any sensible threshold.
NEAR = 0.80
NEGATIVE_WEIGHT = 3.0
DECAY = 1e-3
ROUNDS = 1500
RATE = 0.3
THRESHOLDS = [0.84, 0.86, 0.87, 0.88, 0.89, 0.90, 0.91, 0.92, 0.93, 0.94, 0.95]


def features(program: str) -> dict[str, list[dict]]:
    found = {}
    for name in ("pairs.csv", "held-back.csv"):
        argv = [program, "cache", "eval", "--pairs", FOLDER / name, "--half", "tuning", "--features"]
        found[name] = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return found


def row(one: dict) -> list[float]:
    return [1.0, sum(one["read"]) / 2, *(-1.0 if guard in one["objections"] else 0.0 for guard in GUARDS)]


def fit(seen: list[dict]) -> list[float]:
    """What is added, and a weight for each number of a row; none below 0."""
    rows = [(row(one), one["label"] == "same") for one in seen]
    total = sum(1.0 if same else NEGATIVE_WEIGHT for _, same in rows)
    weights = [0.0, 1.0] + [1.0] * len(GUARDS)
    for _ in range(ROUNDS):
        down = [0.0] + [DECAY * weight for weight in weights[1:]]
        for numbers, same in rows:
            share = 1 / (1 + math.exp(-sum(map(float.__mul__, weights, numbers))))
            off = (share - same) * (1.0 if same else NEGATIVE_WEIGHT) / total
            for at, number in enumerate(numbers):
                if number:
                    down[at] += off * number
        stepped = [weight - RATE * slope for weight, slope in zip(weights, down, strict=True)]
        weights = stepped[:1] + [max(0.0, weight) for weight in stepped[1:]]
    return weights


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--threshold", type=float, default=0.90)
    arguments.add_argument("--keep", type=float, default=0.88, help="of the paraphrases that are near enough")
    chosen = arguments.parse_args()
    sets = features(chosen.program)
    near = [one for found in sets.values() for one in found if one["similarity"] >= NEAR]
    weights = fit([one for one in near if one["read"] is not None])
    fitted = zip(GUARDS, weights[2:], strict=True)
    bars = {guard: max(AT_LEAST.get(guard, AT_LEAST_ELSE), weight / weights[1]) for guard, weight in fitted}

    def passes(one: dict, least: float) -> bool:
        if one["read"] is None:
            return not one["objections"]
        first, second = one["read"]
        bar = least + sum(bars[guard] for guard in one["objections"])
        return (first if abs(first - bar) >= MARGIN else (first + second) / 2) >= bar

    asked = [
        one
        for found in sets.values()
        for one in found
        if one["label"] == "same" and one["similarity"] >= chosen.threshold
    ]
    # The highest bar that keeps enough of them.
    steps = [step / 20 for step in range(-60, 120)]
    *_, least = (
        step for step in steps if sum(passes(one, step) for one in asked) >= chosen.keep * len(asked)
    )
    for name, found in sets.items():
        for threshold in THRESHOLDS:
            line = f"{name}, at {threshold:.2f}:"
            for label in ("same", "different"):
                of = [one for one in found if one["label"] == label]
                reached = [one for one in of if one["similarity"] >= threshold]
                passed = sum(passes(one, least) for one in reached)
                line += f" {label} {passed} of {len(reached)} near of {len(of)};"
            print(line)
    print(f"least: {least:.2f}")
    for guard, bar in bars.items():
        print(f"{guard}: {bar:.2f}")


if __name__ == "__main__":
    main()
