"""All tests: a busy machine is slow, and that is no failure."""

from hypothesis import HealthCheck, settings

settings.register_profile("placewatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("placewatch")
