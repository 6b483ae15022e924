"""The weights of a safetensors file, by name."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np


def safetensors(path: Path) -> dict[str, np.ndarray]:
    """All tensors of floats, as float32."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(data[8 + length + begin : 8 + length + end], dtype="<f4")
        tensors[name] = flat.reshape(entry["shape"])
    return tensors
