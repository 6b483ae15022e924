"""Every golden stream of the four vendors gets through the SDK's own stream helper, and says the same there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sdk.test_providers import USAGE, VENDORS, Vendor, gateway, key  # noqa: F401

from harness.simulator import Simulator

WIRE = Path(__file__).resolve().parents[3] / "conformance" / "wire"
#: It begins with its second choice, and the helper wants them in order.
OUT_OF_ORDER = WIRE / "gemini" / "stream_several_choices"


def golden() -> list[Any]:
    """Vendor and folder of each stream that ends as it should."""
    found = []
    for vendor in VENDORS:
        for folder in sorted((WIRE / vendor.name).iterdir()):
            streams = any(folder.glob("stream.*")) and folder != OUT_OF_ORDER
            if streams and "answer" in json.loads((folder / "expected.json").read_text()):
                found.append(pytest.param(vendor, folder, id=f"{vendor.name}-{folder.name}"))
    assert len(found) > 30
    return found


def script(simulator: Simulator, vendor: Vendor, folder: Path) -> None:
    """The next answer of the vendor's model is this stream. (Ollama is asked for its models, too.)"""
    (stream,) = folder.glob("stream.*")
    kind = "text/event-stream" if stream.suffix == ".sse" else "application/x-ndjson"
    headers = {"content-type": kind}
    answer = {"kind": "status", "status": 200, "body": stream.read_text(), "headers": headers}
    simulator.script({**answer, "model": vendor.model}, provider=vendor.name)


def called(call: Any) -> dict[str, Any]:
    """What is called, of a function or a custom tool."""
    call = call if isinstance(call, dict) else call.model_dump()
    told = call.get("function") or call["custom"]
    return {name: told[name] for name in ("name", "arguments", "input") if name in told}


@pytest.mark.parametrize(("vendor", "folder"), golden())
def test_a_golden_stream(client, simulator, ask, vendor: Vendor, folder: Path):
    script(simulator, vendor, folder)
    with client.chat.completions.stream(**{**ask("x"), "model": vendor.model}, **USAGE) as events:
        for _event in events:
            pass
        told = events.current_completion_snapshot
    expected = json.loads((folder / "expected.json").read_text())["answer"]
    assert len(told.choices) == len(expected["choices"])
    for choice, wanted in zip(told.choices, expected["choices"], strict=True):
        message = wanted["message"]
        assert choice.finish_reason == wanted["finish_reason"]
        assert (choice.message.content or "") == (message["content"] or "")
        assert choice.message.refusal == message.get("refusal")
        calls = [called(call) for call in choice.message.tool_calls or []]
        assert calls == [called(call) for call in message.get("tool_calls", [])]
        beside = choice.message.model_extra or {}
        for name in ("reasoning_content", "thinking_blocks", "citations", "content_blocks", "gemini_parts"):
            assert beside.get(name) == message.get(name), name
    if "usage" in expected:
        assert told.usage.completion_tokens == expected["usage"]["completion_tokens"]


def test_choices_in_any_order(client, simulator, ask):
    (gemini,) = (vendor for vendor in VENDORS if vendor.name == "gemini")
    script(simulator, gemini, OUT_OF_ORDER)
    texts: dict[int, str] = {}
    for chunk in client.chat.completions.create(**{**ask("x"), "model": gemini.model}, n=3, stream=True):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    expected = json.loads((OUT_OF_ORDER / "expected.json").read_text())["answer"]
    assert texts == {choice["index"]: choice["message"]["content"] or "" for choice in expected["choices"]}
