#!/usr/bin/env python3
"""Times ONNX Runtime on one thread: `onnxruntime_latency.py MODEL_FOLDER GRAPH`, with lists of token ids as JSON on
standard input. Writes the graph to GRAPH, and for each list vector and times as JSON to standard output.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from graph import build

SECONDS = 1.0
LEAST_RUNS, MOST_RUNS = 20, 2000


def session(graph: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def timed(of: onnxruntime.InferenceSession, ids: list[int]) -> dict[str, object]:
    feed = {"ids": np.array([ids], dtype=np.int64)}
    times = []
    began = time.perf_counter()
    while len(times) < LEAST_RUNS or (time.perf_counter() - began < SECONDS and len(times) < MOST_RUNS):
        start = time.perf_counter()
        (vectors,) = of.run(None, feed)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return {"vector": vectors[0].tolist(), "p50_ms": times[len(times) // 2], "least_ms": times[0]}


def main(folder: Path, graph: Path) -> None:
    graph.write_bytes(build(folder / "model.safetensors").SerializeToString())
    began = time.perf_counter()
    of = session(graph)
    load = (time.perf_counter() - began) * 1000
    texts = [timed(of, ids) for ids in json.load(sys.stdin)]
    print(json.dumps({"version": onnxruntime.__version__, "load_ms": load, "texts": texts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
