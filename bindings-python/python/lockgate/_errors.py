"""The exceptions: a closed list. The native module raises them by name."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """Whatever goes wrong in Lockgate. Raised itself only for a fault of Lockgate's own."""

    #: For people.
    message: str
    #: The same stable code as over HTTP, such as ``rate_limit_exceeded``.
    code: str
    #: The HTTP status that the server would answer with.
    status: int
    #: The gateway's id of the request, where there was one.
    request_id: str | None
    #: Seconds until the same call can succeed, where that is known.
    retry_after: float | None
    #: The provider that answered last, where one did.
    provider: str | None
    #: The field or setting at fault.
    param: str | None
    #: What was tried, as ``openai/gpt-4o=429,openai/gpt-4o=500``.
    attempts: str | None

    def __init__(
        self,
        message: str,
        *,
        code: str = "internal_error",
        status: int = 500,
        request_id: str | None = None,
        retry_after: float | None = None,
        provider: str | None = None,
        param: str | None = None,
        attempts: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.provider = provider
        self.param = param
        self.attempts = attempts

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross process borders by pickle, which calls the class with the message alone.
        return (type(self), (self.message,), self.__dict__)


class InvalidRequest(Error):
    """The request cannot be served as it is: malformed, an unknown model, or refused by the provider as such."""


class Unauthorized(Error):
    """The gateway key is missing, unknown, expired or revoked."""


class SpendCapExceeded(Error):
    """A spend cap of the project, the key or the customer is reached."""


class RateLimited(Error):
    """A rate limit of the key's or, with every candidate tried, of the providers'."""


class ProviderError(Error):
    """Every provider that could answer failed."""


class Timeout(Error):
    """The deadline passed."""


class StoreUnavailable(Error):
    """A store is away, or the gateway is closed."""


class ConfigError(Error):
    """A wrong setting; the message names it, its value and what is allowed."""
