"""sdk/test_providers.py, in process."""

from sdk.test_providers import *  # noqa: F403
