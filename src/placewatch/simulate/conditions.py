"""Conditions: the light and the weather that a film is taken in, and what the camera does then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from placewatch.core.errors import Misconfigured

Light = Literal["day", "dusk", "night"]
Weather = Literal["clear", "overcast", "rain"]

_EXPOSURE_S: Mapping[Light, float] = {"day": 1 / 1000, "dusk": 1 / 100, "night": 1 / 30}
_CLOUDED = 6.0  # times as long, as far as the frame rate allows


@dataclass(frozen=True, slots=True)
class Conditions:
    """When and in what weather a street is seen."""

    light: Light = "day"
    weather: Weather = "clear"

    @property
    def sunny(self) -> bool:
        """Whether the sun casts shadows."""
        return self.light == "day" and self.weather == "clear"

    @property
    def dark(self) -> bool:
        """Whether lamps shine."""
        return self.light != "day"

    @property
    def wet(self) -> bool:
        """Whether the ground is wet and mirrors what stands on it."""
        return self.weather == "rain"

    @property
    def driven_with_light(self) -> bool:
        """Whether vehicles have their lights on."""
        return self.dark or self.wet

    def exposure_s(self, fps: float) -> float:
        """How long the shutter is open: longer as light falls, at most half a frame."""
        clouded = 1.0 if self.weather == "clear" or self.light == "night" else _CLOUDED
        return min(_EXPOSURE_S[self.light] * clouded, 0.5 / fps)


DAY = Conditions()


def conditions_of(light: str, weather: str) -> Conditions:
    """The conditions that are asked for. Raises Misconfigured."""
    for name, asked, known in (
        ("light", light, get_args(Light)),
        ("weather", weather, get_args(Weather)),
    ):
        if asked not in known:
            raise Misconfigured(
                f'{name} is "{asked}"', hint=f"it may be {', '.join(known[:-1])} or {known[-1]}"
            )
    return Conditions(cast(Light, light), cast(Weather, weather))
