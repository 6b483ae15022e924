"""A LangChain agent on each vendor, in this process: LangChain knows OpenAI's protocol alone. Needs LangChain."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lockgate
import pytest
from conftest import Simulator
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

os.environ["LANGSMITH_TRACING"] = "false"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Vendor:
    """A vendor, a model that calls tools, and one that sees images."""

    name: str
    model: str
    sees: str


VENDORS = [
    Vendor("openai", "gpt-4o", "gpt-4o"),
    Vendor("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
    Vendor("gemini", "gemini-2.5-flash", "gemini-2.5-flash"),
    Vendor("ollama", "qwen3", "gemma3"),
]


class Report(BaseModel):
    """What the agent is to answer with."""

    city: str
    degrees: int


@tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"17 degrees and fog in {city}"


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return request.param


@pytest.fixture
def all_vendors(simulator: Simulator) -> Iterator[lockgate.Gateway]:
    """A gateway before all of them."""
    providers: dict[str, Any] = {
        name: {"base_url": getattr(simulator, name), "api_key": "upstream"}
        for name in ("openai", "anthropic", "gemini")
    }
    providers["ollama"] = {"base_url": simulator.ollama}
    with lockgate.Gateway(store="memory", providers=providers, environment={}) as gateway:
        yield gateway


def model(gateway: lockgate.Gateway, name: str) -> ChatOpenAI:
    return ChatOpenAI(
        model=name,
        api_key=SecretStr("unused"),
        http_client=gateway.http_client(),
        http_async_client=gateway.async_http_client(),
        stream_usage=True,
    )


def asked(simulator: Simulator, vendor: Vendor) -> list[dict[str, Any]]:
    """The requests for an answer, none of which went to another vendor."""
    requests = [request for request in simulator.settled(1) if request["method"] == "POST"]
    assert {request["provider"] for request in requests} == {vendor.name}
    return requests


def test_an_agent_with_a_tool(all_vendors, simulator, vendor):
    agent = create_agent(model(all_vendors, vendor.model), [weather])
    question = {"role": "user", "content": "What is the weather in both Paris and Rome?"}
    messages = agent.invoke({"messages": [question]})["messages"]
    assert [type(message) for message in messages] == [
        HumanMessage,
        AIMessage,
        ToolMessage,
        ToolMessage,
        AIMessage,
    ]
    assert [call["name"] for call in messages[1].tool_calls] == ["weather"] * 2
    assert messages[-1].content.count("17 degrees and fog") == 2
    assert messages[-1].usage_metadata["output_tokens"] > 0
    assert len(asked(simulator, vendor)) == 2
    assert all_vendors.flush()
    assert all_vendors.usage()[0].requests == 2


async def test_a_streaming_agent(all_vendors, simulator, vendor):
    agent = create_agent(model(all_vendors, vendor.model), [weather])
    question = {"role": "user", "content": "What is the weather in Paris?"}
    pieces: list[Any] = [
        piece
        async for piece, _ in agent.astream({"messages": [question]}, stream_mode="messages")
        if piece.type != "tool"
    ]
    assert len(pieces) > 10
    assert "17 degrees and fog" in "".join(piece.text for piece in pieces)
    # Each of the two answers tells what it took, once.
    assert len([piece for piece in pieces if piece.usage_metadata]) == 2
    assert [request["outcome"] for request in asked(simulator, vendor)] == ["completed"] * 2


def test_an_agent_that_answers_in_a_structure(all_vendors, simulator, vendor):
    agent = create_agent(
        model(all_vendors, vendor.model), [weather], response_format=ProviderStrategy(Report)
    )
    question = {"role": "user", "content": "What is the weather in Paris?"}
    state = agent.invoke({"messages": [question]})
    assert isinstance(state["structured_response"], Report)
    assert '"degrees"' in json.dumps(asked(simulator, vendor)[-1]["body"])


def test_an_agent_that_sees(all_vendors, simulator, vendor):
    agent = create_agent(model(all_vendors, vendor.sees))
    image = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    message = HumanMessage([{"type": "text", "text": "What is it?"}, image])
    state = agent.invoke({"messages": [message]})
    assert "I can see the image you sent." in state["messages"][-1].content
    (request,) = asked(simulator, vendor)
    assert PNG in json.dumps(request["body"])
