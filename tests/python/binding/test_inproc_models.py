"""sdk/test_models.py, in process."""

from sdk.test_models import *  # noqa: F403
