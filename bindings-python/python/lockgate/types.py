"""Results, with OpenAI's attribute names.

A result is a view of the JSON object that came: fields that Lockgate does not know are attributes, too, and
:meth:`Record.to_dict` gives everything as plain dicts and lists. Results may be given back as part of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

__all__ = [
    "ChatCompletion",
    "ChatCompletionChunk",
    "Choice",
    "ChunkChoice",
    "CompletionTokensDetails",
    "Customer",
    "CustomerLimits",
    "Delta",
    "Embedding",
    "EmbeddingResponse",
    "Function",
    "Inspection",
    "Key",
    "Message",
    "Metadata",
    "Model",
    "ModelPricing",
    "Project",
    "ProjectSettings",
    "PromptTokensDetails",
    "Rates",
    "Record",
    "ToolCall",
    "Usage",
    "UsageLine",
]


class Record:
    """A JSON object with attributes. Absent optional fields are ``None``."""

    _data: dict[str, Any]
    _nested: ClassVar[dict[str, type[Record]]] = {}
    _lists: ClassVar[frozenset[str]] = frozenset()
    _known: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __init_subclass__(cls) -> None:
        cls._known = cls._known.union(cls.__annotations__)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            data = self.__dict__.get("_data")
            if data is None or name.startswith("_"):
                raise AttributeError(name)
            if name not in data:
                if name in self._lists:
                    return []
                if name in self._known:
                    return None
                raise AttributeError(f"{type(self).__name__} has no field {name!r}")
            value = data[name]
            if (kind := self._nested.get(name)) is not None:
                if isinstance(value, dict):
                    value = kind(value)
                elif isinstance(value, list):
                    value = [kind(item) for item in value]
            self.__dict__[name] = value
            return value

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain dicts and lists of the caller's own."""
        copied: dict[str, Any] = _copy(self._data)
        return copied

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Record) and other._data == self._data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._data.items())})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._data,))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._known, *self._data})


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


class Metadata(Record):
    """What the gateway did for an answer."""

    #: US dollars; ``None`` where the price is unknown.
    cost_usd: float | None
    #: The same, exact: billionths of a US dollar.
    cost_nano_usd: int | None
    latency_ms: int
    provider: str | None
    model: str | None
    #: ``miss``, ``exact``, ``semantic`` or ``coalesced``.
    cache: str
    request_id: str
    #: What was changed or left out on the way to the provider.
    warnings: list[str]
    #: What was tried, as ``openai/gpt-4o=429,openai/gpt-4o=200``.
    attempts: str | None
    downgraded_from: str | None
    similarity: float | None
    saved_usd: float | None

    _lists = frozenset({"warnings"})


class PromptTokensDetails(Record):
    cached_tokens: int | None
    cache_creation_tokens: int | None
    audio_tokens: int | None


class CompletionTokensDetails(Record):
    reasoning_tokens: int | None
    audio_tokens: int | None
    accepted_prediction_tokens: int | None
    rejected_prediction_tokens: int | None


class Usage(Record):
    """Tokens of one answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails | None
    completion_tokens_details: CompletionTokensDetails | None

    _nested: ClassVar[dict[str, Any]] = {
        "prompt_tokens_details": PromptTokensDetails,
        "completion_tokens_details": CompletionTokensDetails,
    }


class Function(Record):
    """A function to call; in a stream, a piece of one."""

    name: str
    #: JSON text, as the model wrote it.
    arguments: str


class ToolCall(Record):
    """A call of a tool; in a stream, a piece of one."""

    #: In a stream: which call of the answer, from 0.
    index: int
    id: str
    type: str
    function: Function

    _nested: ClassVar[dict[str, Any]] = {"function": Function}


class Message(Record):
    """What the model says."""

    role: str
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None
    reasoning_content: str | None
    thinking_blocks: list[dict[str, Any]] | None

    _nested: ClassVar[dict[str, Any]] = {"tool_calls": ToolCall}


class Choice(Record):
    """One of the answers."""

    index: int
    message: Message
    finish_reason: str | None
    logprobs: dict[str, Any] | None

    _nested: ClassVar[dict[str, Any]] = {"message": Message}


class ChatCompletion(Record):
    """A whole answer."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None
    system_fingerprint: str | None
    service_tier: str | None
    #: What the gateway did.
    lockgate: Metadata

    _nested: ClassVar[dict[str, Any]] = {"choices": Choice, "usage": Usage, "lockgate": Metadata}
    _lists = frozenset({"choices"})


class Delta(Record):
    """What is new in an answer."""

    role: str | None
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None
    reasoning_content: str | None
    thinking_blocks: list[dict[str, Any]] | None

    _nested: ClassVar[dict[str, Any]] = {"tool_calls": ToolCall}


class ChunkChoice(Record):
    """What is new in one of the answers."""

    index: int
    delta: Delta
    finish_reason: str | None
    logprobs: dict[str, Any] | None

    _nested: ClassVar[dict[str, Any]] = {"delta": Delta}


class ChatCompletionChunk(Record):
    """A piece of a streamed answer."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None
    system_fingerprint: str | None
    service_tier: str | None
    #: What the gateway did: on the last chunk.
    lockgate: Metadata | None

    _nested: ClassVar[dict[str, Any]] = {
        "choices": ChunkChoice,
        "usage": Usage,
        "lockgate": Metadata,
    }
    _lists = frozenset({"choices"})


class Embedding(Record):
    """The vector of one input."""

    index: int
    object: str
    #: Numbers, or base64 where that was asked for.
    embedding: list[float]


class EmbeddingResponse(Record):
    """One vector for each input."""

    object: str
    data: list[Embedding]
    model: str
    usage: Usage | None
    #: What the gateway did.
    lockgate: Metadata

    _nested: ClassVar[dict[str, Any]] = {"data": Embedding, "usage": Usage, "lockgate": Metadata}


class ModelPricing(Record):
    """What a model costs now: decimal strings of US dollars per million tokens."""

    input: str
    output: str | None
    cached_input: str | None
    cache_write: str | None


class Model(Record):
    """A model that can be asked for."""

    id: str
    object: str
    created: int
    owned_by: str
    #: The provider that is asked for it first.
    provider: str
    #: ``chat`` or ``embedding``, where known.
    kind: str | None
    context_window: int | None
    max_output_tokens: int | None
    pricing: ModelPricing | None

    _nested: ClassVar[dict[str, Any]] = {"pricing": ModelPricing}


class Rates(Record):
    """Rate limits of a key; ``None`` = no limit."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrency: int | None


class CustomerLimits(Record):
    """Limits of a customer. Caps are decimal strings of US dollars; ``None`` = none."""

    daily_cap: str | None
    monthly_cap: str | None
    per_request_cap: str | None
    #: ``block`` or ``downgrade``.
    on_limit: str


class ProjectSettings(Record):
    """Settings of a project. Caps are decimal strings of US dollars."""

    monthly_cap: str | None
    require_customer: bool
    customer_defaults: CustomerLimits
    downgrade: dict[str, str]
    downgrade_on_cap: bool
    default_output_tokens: int | None
    cap_mode: str
    cache: dict[str, Any]
    on_store_loss: str
    models: list[str] | None
    provider_keys: dict[str, str] | None

    _nested: ClassVar[dict[str, Any]] = {"customer_defaults": CustomerLimits}


class Project(Record):
    id: str
    name: str
    rev: int
    #: Milliseconds since 1970.
    created_at: int
    settings: ProjectSettings

    _nested: ClassVar[dict[str, Any]] = {"settings": ProjectSettings}


class Key(Record):
    """A gateway key."""

    id: str
    project: str
    name: str
    #: Its first characters.
    hint: str
    #: The key in clear: only on the result of ``create`` and ``rotate``; it is stored nowhere.
    secret: str | None
    rates: Rates
    monthly_cap: str | None
    models: list[str] | None
    customer: str | None
    #: Milliseconds since 1970.
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    rotated_from: str | None

    _nested: ClassVar[dict[str, Any]] = {"rates": Rates}


class Customer(Record):
    """A customer with limits of its own."""

    project: str
    id: str
    limits: CustomerLimits
    #: Milliseconds since 1970.
    updated_at: int

    _nested: ClassVar[dict[str, Any]] = {"limits": CustomerLimits}


class UsageLine(Record):
    """Summed usage."""

    #: A day, model, provider, key or customer; empty for the total.
    group: str
    requests: int
    cache_hits: int
    input_tokens: int
    output_tokens: int
    #: Nano-USD.
    cost: int
    #: Nano-USD that caches saved.
    saved: int
    #: Requests whose price is unknown.
    unpriced: int


class Inspection(Record):
    """What is under way in a project."""

    #: Open reservations.
    open: int
