"""pydantic-ai on the drop-in client."""

import openai
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


async def test_pydantic_ai(async_gateway, simulator):
    client = openai.AsyncOpenAI(api_key="unused", http_client=async_gateway.async_http_client())
    agent = Agent(OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=client)))

    @agent.tool_plain
    def weather(city: str) -> str:
        """Tells the weather."""
        return f"sunny in {city}"

    result = await agent.run("What is the weather in Paris?")
    assert "sunny" in result.output
    async with agent.run_stream("count to 9") as stream:
        assert await stream.get_output()
    assert await async_gateway.flush()
    assert (await async_gateway.inspect()).open == 0
