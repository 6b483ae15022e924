"""all-MiniLM-L6-v2 as an ONNX graph, made from its weights: token ids in, a normalised vector out.

Attention, the normalisations and GELU are ONNX Runtime's own operators for BERT, into which its optimizer turns a graph
that was exported from elsewhere: it shall run at its best.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from weights import safetensors

HEADS = 12
LAYERS = 6
EPSILON = 1e-12
OWN = "com.microsoft"


class Graph:
    """Nodes and constants, as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, kind: str, inputs: list[str], domain: str = "", **attributes: object) -> str:
        """Adds a node and returns its output's name."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes))
        return name


def build(model: Path) -> onnx.ModelProto:
    tensors = safetensors(model)
    graph = Graph()

    def of(name: str) -> str:
        return graph.constant(name, tensors[name])

    def turned(name: str) -> str:
        """Weights are kept by output; ONNX multiplies by input."""
        return graph.constant(f"{name}.turned", tensors[name].T)

    def norm(x: str, skipped: str, bias: str, name: str) -> str:
        inputs = [x, skipped, of(f"{name}.weight"), of(f"{name}.bias"), of(bias)]
        return graph.node("SkipLayerNormalization", inputs, OWN, epsilon=EPSILON)

    at = "embeddings"
    positions = tensors[f"{at}.position_embeddings.weight"] + tensors[f"{at}.token_type_embeddings.weight"][0]
    axis = graph.constant("axis", np.array([1], dtype=np.int64))
    words = graph.node("Gather", [of(f"{at}.word_embeddings.weight"), "ids"])
    begin, end = graph.constant("begin", np.array([0], dtype=np.int64)), graph.node("Shape", ["ids"], start=1)
    rows = graph.constant("rows", np.array([0], dtype=np.int64))
    here = graph.node("Slice", [graph.constant("positions", positions), begin, end, rows])
    x = graph.node("Add", [words, here])
    named = [x, of(f"{at}.LayerNorm.weight"), of(f"{at}.LayerNorm.bias")]
    x = graph.node("LayerNormalization", named, epsilon=EPSILON)
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        parts = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([tensors[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([tensors[f"{part}.bias"] for part in parts])
        mixed = [x, graph.constant(f"{at}.mix", weight), graph.constant(f"{at}.mix.bias", bias)]
        attended = graph.node("Attention", mixed, OWN, num_heads=HEADS)
        out = f"{at}.attention.output"
        attended = graph.node("MatMul", [attended, turned(f"{out}.dense.weight")])
        x = norm(attended, x, f"{out}.dense.bias", f"{out}.LayerNorm")
        wide = graph.node("MatMul", [x, turned(f"{at}.intermediate.dense.weight")])
        wide = graph.node("BiasGelu", [wide, of(f"{at}.intermediate.dense.bias")], OWN)
        narrow = graph.node("MatMul", [wide, turned(f"{at}.output.dense.weight")])
        x = norm(narrow, x, f"{at}.output.dense.bias", f"{at}.output.LayerNorm")
    mean = graph.node("ReduceMean", [x, axis], keepdims=0)
    length = graph.node("ReduceL2", [mean, axis], keepdims=1)
    graph.nodes.append(helper.make_node("Div", [mean, length], ["vector"], name="vector"))
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"])
    width = positions.shape[1]
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["texts", width])
    made = helper.make_graph(graph.nodes, "minilm", [ids], [vector], list(graph.constants.values()))
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(OWN, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)
