"""Synthetic: a drawn street as a source of frames, with its truth."""

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from placewatch.capture.address import DRAWN
from placewatch.capture.query import number_in, offer, parameters
from placewatch.capture.source import SourceHealth, SourceSpec, StreamInfo, Takes, every
from placewatch.core.errors import Misconfigured
from placewatch.core.time import Clock, UtcMicros
from placewatch.pixels.frame import Frame
from placewatch.simulate.drawing import Artist, exclusive, exclusive_colours
from placewatch.simulate.drawn import STREETS, Street
from placewatch.simulate.scenery import Light, Scenery, paint
from placewatch.simulate.sensor import Sensor
from placewatch.simulate.traffic import Traffic, TrueCrossing

__all__ = ["STREETS", "SyntheticSource", "TrueCrossing", "exclusive", "exclusive_colours"]


_LATE_S = 0.25  # later than this, a live picture is skipped


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a street's address asks for."""

    street: Street
    seed: int = 1
    light: Light = "day"
    fps: float = 12.5
    width_px: int = 960
    height_px: int = 540
    duration_s: float | None = None


class SyntheticSource:
    """Draws `street:NAME?seed=1&light=dusk&fps=12.5&width=960&height=540&duration_s=60`.

    Without `duration_s` it never ends and keeps real pace, whatever `spec.pace` says. The same
    address draws the same pictures again. Raises Misconfigured where the address names a street
    or a parameter that does not exist. `street` is drawn in place of the one that is named: the
    same scenery with other traffic.
    """

    def __init__(self, spec: SourceSpec, clock: Clock, street: Street | None = None) -> None:
        wish = _wish(spec.url)
        self._wish = wish = wish if street is None else replace(wish, street=street)
        self._camera = spec.camera
        self._clock = clock
        self._live = spec.pace == "real" or wish.duration_s is None
        self._closed = threading.Event()
        self._traffic = _traffic(wish)
        self._replay: Traffic | None = None  # for truth that was not drawn yet
        self._replaying = threading.Lock()
        frames = None if wish.duration_s is None else math.ceil(wish.duration_s * wish.fps)
        self.info = StreamInfo(
            wish.width_px, wish.height_px, "drawn", wish.fps, wish.duration_s, frames
        )
        self.health = SourceHealth()

    @property
    def street(self) -> Street:
        """The street that is drawn."""
        return self._wish.street

    def truth(self, until_media_s: float, since_media_s: float = 0.0) -> list[TrueCrossing]:
        """Who crossed the street's own lines after `since_media_s` and up to then, in order of
        time. Any thread may ask. What was drawn costs nothing; what was not is gone through."""
        if until_media_s <= self._traffic.media_s:
            return self._traffic.noticed(until_media_s, since_media_s)
        with self._replaying:  # goes on from where it was
            if self._replay is None:
                self._replay = _traffic(self._wish)
            return self._replay.crossings(until_media_s, since_media_s)

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        """The pictures in order, until the duration is over or somebody closes the source."""
        wish = self._wish
        pinhole = wish.street.camera(wish.width_px, wish.height_px)
        scenery = _scenery(wish.street.name, wish.light, wish.width_px, wish.height_px)
        artist = Artist(wish.street.view, pinhole, wish.light, scenery)
        sensor = Sensor(wish.width_px, wish.height_px, wish.fps, wish.light, wish.seed)
        started_at, started_s = self._clock.utc(), self._clock.monotonic_s()
        numbers = itertools.count() if self.info.frames is None else range(self.info.frames)
        for number in numbers:
            if self._closed.is_set():
                return
            media_s = number / wish.fps
            if self._live:
                ahead_s = started_s + media_s - self._clock.monotonic_s()
                while ahead_s > 0 and not self._closed.is_set():
                    self._clock.sleep(min(ahead_s, 0.5))  # wakes to see whether it was closed
                    ahead_s = started_s + media_s - self._clock.monotonic_s()
                self.health.lateness_s = max(0.0, -ahead_s)
                if -ahead_s > _LATE_S:
                    self.health.frames_dropped += 1
                    continue
            self.health.frames += 1
            if not takes(media_s, False) and number + 1 != self.info.frames:
                continue
            canvas = artist.draw(self._traffic, media_s)
            luma = sensor.luma(canvas, number)
            yield Frame(
                self._camera,
                UtcMicros(started_at + round(media_s * 1e6)),
                media_s,
                number,
                luma,
                later_rgb(sensor, canvas, number),
            )

    def close(self) -> None:
        self._closed.set()


def later_rgb(
    sensor: Sensor, canvas: npt.NDArray[np.uint8], number: int
) -> Callable[[int], npt.NDArray[np.uint8]]:
    def to_rgb(width_px: int) -> npt.NDArray[np.uint8]:
        rgb = sensor.rgb(canvas, number)
        if width_px == rgb.shape[1]:
            return rgb
        height_px = max(1, round(rgb.shape[0] * width_px / rgb.shape[1]))
        how = cv2.INTER_AREA if width_px < rgb.shape[1] else cv2.INTER_LINEAR
        return cast(
            "npt.NDArray[np.uint8]", cv2.resize(rgb, (width_px, height_px), interpolation=how)
        )

    return to_rgb


@lru_cache(maxsize=8)
def _scenery(name: str, light: Light, width_px: int, height_px: int) -> Scenery:
    street = STREETS[name]
    return paint(street.view, street.camera(width_px, height_px), light)


def _traffic(wish: _Wish) -> Traffic:
    """The street's traffic. The first picture shows the street empty, as far as one can see well,
    so that its background is known at once; who is on the way enters in the next seconds."""
    street = wish.street
    return Traffic(
        street.streams, street.signals, street.ground_lines(), wish.seed, empty_at=street.near
    )


def _wish(url: str) -> _Wish:
    """Reads a street's address. Raises Misconfigured."""
    assert url.startswith(DRAWN)
    name, _, query = url.removeprefix(DRAWN).partition("?")
    if name not in STREETS:
        raise Misconfigured(f'there is no drawn street "{name}"', hint=offer(name, STREETS))
    street = STREETS[name]
    asked = parameters(query, _PARAMETERS, "a drawn street", "seed=1&light=dusk")
    light = asked.get("light", "day")
    if light not in ("day", "dusk"):
        raise Misconfigured(f'light is "{light}"', hint="it may be day or dusk")
    duration = asked.get("duration_s")
    return _Wish(
        street,
        seed=round(number_in(asked, "seed", 1, 0, 2**31, whole=True)),
        light=cast(Light, light),
        fps=number_in(asked, "fps", 12.5, 1, 60),
        width_px=round(number_in(asked, "width", 960, 64, 3840, whole=True)),
        height_px=round(number_in(asked, "height", 540, 36, 2160, whole=True)),
        duration_s=None if duration is None else number_in(asked, "duration_s", 0, 0.1, 86_400),
    )


_PARAMETERS = ("seed", "light", "fps", "width", "height", "duration_s")
