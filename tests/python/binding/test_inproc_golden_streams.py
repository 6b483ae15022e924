"""sdk/test_golden_streams.py, in process."""

from sdk.test_golden_streams import *  # noqa: F403
