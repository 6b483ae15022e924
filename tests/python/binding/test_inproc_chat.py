"""sdk/test_chat.py, in process."""

from sdk.test_chat import *  # noqa: F403
