#!/usr/bin/env python3
"""Makes `pairs.json`: what the cross-encoder reads in a few pairs, by `training/train.py`'s own model in float32 over
`weights/cross-encoder.safetensors`. Wants `training/requirements.txt`, and the model's folder in LOCKGATE_MODEL_DIR."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "training"))
sys.dont_write_bytecode = True

from train import CrossEncoder, Tokens  # noqa: E402

PAIRS = [
    ("How do I thicken a sauce?", "How can I make a sauce thicker?"),
    ("How do I thicken a sauce?", "How can I make a sauce thinner?"),
    ("Is parking free?", "Is parking free for residents?"),
    ("convert miles to kilometres", "convert kilometres to miles"),
    (
        "Which command lists all running containers?",
        "Please show me the command to list every running container.",
    ),
    ("Which command lists all running containers?", "Which command stops all running containers?"),
    ("What is the capital of Australia?", "what's australia's capital city"),
    ("Ändere bitte mein Passwort.", "Wie kann ich mein Passwort ändern?"),
    ("", "?"),
    ("a " * 60, "b " * 60),
]


def main() -> None:
    model, tokens = CrossEncoder(), Tokens()
    model.load(FOLDER.parent / "weights" / "cross-encoder.safetensors")
    model.eval()
    found = []
    with torch.no_grad():
        for a, b in PAIRS:
            read = float(model(*tokens.batch([(a, b)])))
            found.append({"a": a, "b": b, "read": round(read, 5)})
    text = json.dumps(found, ensure_ascii=False, indent=1)
    (FOLDER / "pairs.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
