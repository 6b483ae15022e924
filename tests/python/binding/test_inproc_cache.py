"""sdk/test_cache.py, in process."""

from sdk.test_cache import *  # noqa: F403
