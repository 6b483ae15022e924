"""OpenAI's own SDK against `lockgate serve`: only the address and the key change.

LOCKGATE_KEY=lg_… python examples/http/04_openai_sdk.py
"""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("LOCKGATE_URL", "http://127.0.0.1:4100/v1"),
    api_key=os.environ["LOCKGATE_KEY"],
)

answer = client.chat.completions.create(
    model="gpt-4.1-nano",
    messages=[{"role": "user", "content": "Say hello in five languages."}],
)
print(answer.choices[0].message.content)
print("cost in USD:", answer.lockgate["cost_usd"], "cache:", answer.lockgate["cache"])

stream = client.chat.completions.create(
    model="gpt-4.1-nano",
    messages=[{"role": "user", "content": "count to 20"}],
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
