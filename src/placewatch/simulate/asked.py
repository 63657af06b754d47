"""Asked: what a person asks of a film, checked."""

import re

from placewatch.core.errors import Misconfigured
from placewatch.simulate.conditions import conditions_of
from placewatch.simulate.folder import Film


def film_of(size: str, fps: float, light: str = "day", weather: str = "clear") -> Film:
    """The film that is asked for; `size` as 1280x720. Raises Misconfigured."""
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size)
    if match is None or int(match[1]) % 2 or int(match[2]) % 2:
        raise Misconfigured(
            f"a film of {size} cannot be encoded", hint="write even pixels, as in 1280x720"
        )
    if not 1.0 <= fps <= 60.0:
        raise Misconfigured(f"{fps:g} frames a second cannot be drawn", hint="1 to 60 can")
    if 1000.0 % fps:
        raise Misconfigured(
            f"{fps:g} frames a second are no whole milliseconds apart, as SUMO's steps are",
            hint="take 10, 12.5, 20, 25, 40 or 50",
        )
    return Film(int(match[1]), int(match[2]), fps, conditions_of(light, weather))
