"""Behaviour cases kept as data, and the raw requests they describe."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

CASES = Path(__file__).resolve().parents[3] / "conformance" / "cases"
CHUNK = 1 << 20


def load(name: str) -> list[dict[str, Any]]:
    return json.loads((CASES / name).read_text(encoding="utf-8"))["cases"]


def body_of(request: dict[str, Any]) -> bytes | None:
    """The body a case asks for; None when it asks for none."""
    if "body" in request:
        return json.dumps(request["body"]).encode()
    if "body_text" in request:
        return request["body_text"].encode()
    if "body_hex" in request:
        return bytes.fromhex(request["body_hex"])
    if "body_repeat" in request:
        rule = request["body_repeat"]
        return (rule["before"] + rule["unit"] * rule["times"] + rule["after"]).encode()
    if "body_nest" in request:
        rule = request["body_nest"]
        inner = rule["open"] * rule["times"] + rule["close"] * rule["times"]
        return (rule["before"] + inner + rule["after"]).encode()
    return None


def authorization(kind: str, keys: dict[str, str]) -> str | None:
    """The value of the header for a case's `key`; `keys` holds a secret for each kind that needs one."""
    valid = keys["valid"]
    match kind:
        case "none":
            return None
        case "unknown":
            return "Bearer lg_" + "A" * 43
        case "bare":
            return valid
        case "basic":
            return "Basic " + base64.b64encode(f":{valid}".encode()).decode()
        case "uppercase":
            return f"Bearer {valid.upper()}"
        case _:
            return f"Bearer {keys[kind]}"


def text_of(value: str | dict[str, Any]) -> str:
    return value if isinstance(value, str) else value["before"] + value["unit"] * value["times"]


def raw_request(request: dict[str, Any], keys: dict[str, str]) -> bytes:
    """The bytes on the wire, which no HTTP library would all agree to send."""
    method = request.get("method", "POST")
    body = body_of(request)
    lines = [
        f"{method} {request.get('path', '/v1/chat/completions')} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
    ]
    if value := authorization(request.get("key", "valid"), keys):
        lines.append(f"Authorization: {value}")
    if body is not None:
        lines.append(f"Content-Type: {request.get('content_type', 'application/json')}")
        if request.get("chunked"):
            lines.append("Transfer-Encoding: chunked")
            body = chunked(body)
        else:
            length = request.get("content_length", len(body))
            if length is not None:
                lines.append(f"Content-Length: {length}")
    lines += [f"{name}: {text_of(value)}" for name, value in request.get("headers", [])]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(body: bytes) -> bytes:
    parts = [body[start : start + CHUNK] for start in range(0, len(body), CHUNK)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
