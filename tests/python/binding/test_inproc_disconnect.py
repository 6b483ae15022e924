"""sdk/test_disconnect.py, in process."""

from sdk.test_disconnect import *  # noqa: F403
