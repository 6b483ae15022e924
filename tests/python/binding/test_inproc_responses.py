"""sdk/test_responses.py, in process."""

from sdk.test_responses import *  # noqa: F403
