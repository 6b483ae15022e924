"""sdk/test_stream.py, in process."""

from sdk.test_stream import *  # noqa: F403
