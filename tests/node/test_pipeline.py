"""Pipeline: what happens to a frame, and that nothing of it stays."""

import weakref
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.capture.source import Source, SourceHealth, StreamInfo, Takes, every
from placewatch.core.ids import camera_id
from placewatch.core.time import UtcMicros
from placewatch.measure.meters import Meters
from placewatch.node import config as settings
from placewatch.node.camera import _Shifted
from placewatch.node.equip import stage_of, tempo_of, tracker_of
from placewatch.node.offline import _Metered
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


@pytest.mark.parametrize(
    "wrapped",
    [lambda source: source, lambda source: _Shifted(source, 5.0), _Metered],
    ids=["alone", "in a session", "metered"],
)
def test_nobody_has_a_frame_while_the_next_one_is_decoded(
    wrapped: Callable[[Source], Source],
) -> None:
    pictures = Pictures()
    camera = settings.CameraSettings(id="square", url="square.mp4")
    post = Post(
        background=BackgroundModel(),
        detector=open_detector("street"),
        tracker=tracker_of(camera),
        painter=BackdropPainter(quarantine_s=1.0),
        stage=stage_of(camera, None),
        meters=Meters(camera_id("square"), [], UtcMicros(0)),
        tempo=tempo_of(camera),
    )
    watch(wrapped(pictures), post, lambda scene, crossings: None)
    assert pictures.given > 5
    assert pictures.held == 0
