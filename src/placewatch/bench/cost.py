"""Cost: what the analysis of a 1080p stream costs, in bare decodes of the same frames."""

from placewatch.bench import Figure


def measure() -> list[Figure]:
    """The ratio of the whole default analysis to a bare decode, and the counts beside it."""
    reason = "could not run: it has nothing to measure on this machine yet"
    return [
        Figure("cost.ratio", None, None, None, "bare decodes", "<= 1.5", "<= 1.1", False, reason)
    ]
