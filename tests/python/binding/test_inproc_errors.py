"""sdk/test_errors.py, in process."""

from sdk.test_errors import *  # noqa: F403


def test_missing_key(gateway, simulator, ask):
    """In place of the server's: an SDK always sends some key, so this is a bare HTTP client."""
    with gateway.native.http_client() as http:
        answer = http.post("http://lockgate/v1/chat/completions", json=ask())
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert simulator.requests() == []
