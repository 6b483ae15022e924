"""instructor on the drop-in client."""

import instructor
import openai
import pydantic


class Person(pydantic.BaseModel):
    name: str
    age: int


def test_instructor(gateway, simulator):
    simulator.script(
        {"kind": "tool_calls", "calls": [{"name": "Person", "arguments": '{"name": "Ada", "age": 36}'}]}
    )
    client = instructor.from_openai(openai.OpenAI(api_key="unused", http_client=gateway.http_client()))
    messages = [{"role": "user", "content": "Ada is 36"}]
    person = client.chat.completions.create(model="gpt-4o-mini", messages=messages, response_model=Person)
    assert (person.name, person.age) == ("Ada", 36)
    assert gateway.flush()
    assert gateway.usage()[0].requests == 1
