"""A LangChain agent with a tool, under a spend cap. Needs OPENAI_API_KEY."""

import lockgate
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr


@tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It is sunny in {city}."


gateway = lockgate.Gateway(store="memory", project={"monthly_cap": "1"})
model = ChatOpenAI(model="gpt-4o-mini", api_key=SecretStr("unused"), http_client=gateway.http_client())
agent = create_agent(model, [weather])
state = agent.invoke({"messages": [{"role": "user", "content": "What is the weather in Paris?"}]})
for message in state["messages"]:
    print(f"{message.type}: {message.content or getattr(message, 'tool_calls', '')}")
gateway.flush()
(total,) = gateway.usage()
print(f"{total.requests} calls for ${total.cost / 1e9:.6f}")
