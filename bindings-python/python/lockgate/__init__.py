"""Lockgate: an LLM gateway that lives inside your process.

>>> import lockgate
>>> gateway = lockgate.Gateway()
>>> answer = gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
>>> answer.choices[0].message.content, answer.lockgate.cost_usd
"""

from lockgate._async_gateway import AsyncGateway
from lockgate._errors import (
    ConfigError,
    Error,
    InvalidRequest,
    ProviderError,
    RateLimited,
    SpendCapExceeded,
    StoreUnavailable,
    Timeout,
    Unauthorized,
)
from lockgate._gateway import Gateway
from lockgate._native import VERSION as __version__
from lockgate._streams import AsyncChatStream, ChatStream
from lockgate.types import ChatCompletion, ChatCompletionChunk

__all__ = [
    "AsyncChatStream",
    "AsyncGateway",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatStream",
    "ConfigError",
    "Error",
    "Gateway",
    "InvalidRequest",
    "ProviderError",
    "RateLimited",
    "SpendCapExceeded",
    "StoreUnavailable",
    "Timeout",
    "Unauthorized",
    "__version__",
]
