"""A hard daily cap for each customer, kept in a file. Needs OPENAI_API_KEY."""

import lockgate

with lockgate.Gateway(store="sqlite://lockgate.db") as gateway:
    gateway.customers.set("free-tier", daily_cap="0.001")
    for number in range(1, 100):
        question = [{"role": "user", "content": f"Question {number}"}]
        try:
            gateway.chat(model="gpt-4o-mini", messages=question, max_tokens=200, customer="free-tier")
        except lockgate.SpendCapExceeded as refused:
            print(f"question {number} refused: {refused}")
            break
    gateway.flush()
    (spent,) = gateway.usage(customer="free-tier")
    print(f"{spent.requests} answered for ${spent.cost / 1e9:.6f}")
    assert spent.cost <= 1_000_000
