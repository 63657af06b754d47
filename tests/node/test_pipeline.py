"""Pipeline: what happens to a frame, and that nothing of it stays."""

import weakref
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.capture.source import Source, SourceHealth, StreamInfo, Takes, every
from placewatch.core.facts import LineCount, ZoneCount
from placewatch.core.ids import camera_id
from placewatch.core.space import PicturePoint
from placewatch.core.time import UtcMicros
from placewatch.measure.line import CountingLine
from placewatch.measure.meters import Meters
from placewatch.measure.zone import Zone
from placewatch.node import config as settings
from placewatch.node.camera import _Shifted
from placewatch.node.equip import stage_of, tempo_of, tracker_of
from placewatch.node.offline import Seen, _Metered
from placewatch.node.pipeline import Post, watch
from placewatch.perceive.backdrop import BackdropPainter
from placewatch.perceive.detectors import open_detector
from placewatch.perceive.motion import BackgroundModel
from placewatch.pixels.frame import Frame

WIDTH_PX, HEIGHT_PX, FPS = 320, 180, 25


class Pictures:
    """A source that knows of each picture whether anybody still has it when the next one is
    made, as a decoder would that must then take fresh memory."""

    def __init__(self) -> None:
        self.info = StreamInfo(WIDTH_PX, HEIGHT_PX, "h264", FPS, 1.0, FPS)
        self.health = SourceHealth()
        self.held = 0
        self.given = 0

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        camera = camera_id("square")
        for number in range(FPS):
            media_s = number / FPS
            if not takes(media_s, number == 0):
                continue
            luma = np.full((HEIGHT_PX, WIDTH_PX), 90, np.uint8)
            luma[60:90, 8 * number : 8 * number + 50] = 200
            here = weakref.ref(luma)

            def to_rgb(width_px: int) -> npt.NDArray[np.uint8]:
                return np.zeros((HEIGHT_PX * width_px // WIDTH_PX, width_px, 3), np.uint8)

            frame = Frame(
                camera, UtcMicros(round(media_s * 1e6)), media_s, number, luma, to_rgb, number == 0
            )
            del luma
            yield frame
            del frame
            self.given += 1
            self.held += here() is not None

    def close(self) -> None:
        pass


def equipped(meters: Meters) -> Post:
    camera = settings.CameraSettings(id="square", url="square.mp4")
    return Post(
        background=BackgroundModel(),
        detector=open_detector("street"),
        tracker=tracker_of(camera),
        painter=BackdropPainter(quarantine_s=1.0),
        stage=stage_of(camera, None),
        meters=meters,
        tempo=tempo_of(camera),
    )


@pytest.mark.parametrize(
    "wrapped",
    [lambda source: source, lambda source: _Shifted(source, 5.0), _Metered],
    ids=["alone", "in a session", "metered"],
)
def test_nobody_has_a_frame_while_the_next_one_is_decoded(
    wrapped: Callable[[Source], Source],
) -> None:
    pictures = Pictures()
    post = equipped(Meters(camera_id("square"), [], UtcMicros(0)))
    watch(wrapped(pictures), post, lambda scene, crossings: None)
    assert pictures.given > 5
    assert pictures.held == 0


class Skipping(Pictures):
    """Ten seconds; from the fifth on one picture a second, the others skipped: by a machine that
    is `late`, or because the camera wanted no more."""

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.late = late

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        for number in range(10 * FPS + 1):
            media_s = number / FPS
            if media_s > 5.0 and number % FPS:
                self.health.frames_dropped += self.late
                continue
            luma = np.full((HEIGHT_PX, WIDTH_PX), 90, np.uint8)
            at = UtcMicros(round(media_s * 1e6))
            yield Frame(
                camera_id("square"),
                at,
                media_s,
                number,
                luma,
                lambda width_px: NOTHING,
                number == 0,
            )


NOTHING = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)


@pytest.mark.parametrize(("late", "watched_s"), [(True, 5.0), (False, 10.0)])
def test_time_in_which_a_late_machine_skipped_frames_was_not_watched(
    late: bool, watched_s: float
) -> None:
    line = CountingLine("Across", PicturePoint(160.0, 0.0), PicturePoint(160.0, 180.0))
    corners = ((10.0, 10.0), (90.0, 10.0), (90.0, 90.0), (10.0, 90.0))
    zone = Zone("Box", tuple(PicturePoint(*corner) for corner in corners))
    meters = Meters(camera_id("square"), [line], UtcMicros(0), zones=[zone])
    source = Skipping(late)
    seen = Seen(source.info)
    watch(source, equipped(meters), seen.add)
    facts = meters.close(UtcMicros(10_000_000))
    told = {
        type(fact): fact.coverage_s for fact in facts if isinstance(fact, LineCount | ZoneCount)
    }
    assert told == {LineCount: watched_s, ZoneCount: watched_s}
    assert seen.unseen_s == ([(5.0, 10.0)] if late else [])
