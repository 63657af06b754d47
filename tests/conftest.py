"""All tests: a busy machine is slow, and that is no failure; CI says the same of the same code."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "placewatch",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("placewatch")
