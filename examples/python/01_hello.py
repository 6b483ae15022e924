"""One question, one answer, what it cost. Needs OPENAI_API_KEY."""

import lockgate

with lockgate.Gateway() as gateway:
    answer = gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}])
    print(answer.choices[0].message.content)
    print(f"{answer.lockgate.provider} took {answer.lockgate.latency_ms} ms and ${answer.lockgate.cost_usd}")
