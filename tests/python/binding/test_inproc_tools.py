"""sdk/test_tools.py, in process."""

from sdk.test_tools import *  # noqa: F403
