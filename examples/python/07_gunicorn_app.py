"""Preloaded workers that hold one cap together: ``gunicorn --preload -w 4 07_gunicorn_app:app``.

The gateway is built before the workers fork; with ``shared`` each worker opens the same store for itself.
Needs OPENAI_API_KEY.
"""

from collections.abc import Callable, Iterable
from typing import Any

import lockgate

gateway = lockgate.Gateway(store="sqlite://lockgate.db", shared=True, project={"monthly_cap": "0.001"})


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    question = environ.get("QUERY_STRING") or "Hello"
    messages = [{"role": "user", "content": question}]
    try:
        answer = gateway.chat(model="gpt-4o-mini", messages=messages, max_tokens=100)
    except lockgate.Error as refused:
        start_response(f"{refused.status} Refused", [("Content-Type", "text/plain")])
        return [refused.message.encode()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [(answer.choices[0].message.content or "").encode()]
