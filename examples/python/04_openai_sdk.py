"""The OpenAI SDK as it is, with the gateway in place of the network. Needs OPENAI_API_KEY."""

import lockgate
import openai

gateway = lockgate.Gateway(store="memory", project={"monthly_cap": "20"})
# A gateway key (lg_…) would do as api_key; anything else is the default project and goes nowhere.
client = openai.OpenAI(api_key="unused", http_client=gateway.http_client())
answer = client.chat.completions.with_raw_response.create(
    model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}]
)
print(answer.parse().choices[0].message.content)
print(answer.headers["x-lockgate-provider"], answer.headers["x-lockgate-cost-usd"])
