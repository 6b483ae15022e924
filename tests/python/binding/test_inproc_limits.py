"""sdk/test_limits.py, in process."""

from sdk.test_limits import *  # noqa: F403
