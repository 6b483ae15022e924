"""LlamaIndex on the drop-in client."""

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

pytestmark = pytest.mark.filterwarnings("default")


def test_llama_index(gateway, simulator):
    model = OpenAI(model="gpt-4o-mini", api_key="unused", http_client=gateway.http_client())
    simulator.script({"kind": "reply", "text": "whole"}, {"kind": "reply", "text": "in pieces"})
    assert model.chat([ChatMessage(role="user", content="one")]).message.content == "whole"
    pieces = [piece.delta for piece in model.stream_chat([ChatMessage(role="user", content="two")])]
    assert "".join(piece or "" for piece in pieces) == "in pieces"
    assert gateway.flush()
    assert gateway.usage()[0].requests == 2
