"""Film: a simulated street as a camera would send it: drawn, with noise, through a real encoder."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.video.stream import VideoStream

from placewatch.simulate.conditions import DAY, Conditions
from placewatch.simulate.outdoors import Outdoors
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.roads import view_of
from placewatch.simulate.sensor import sensor_of
from placewatch.simulate.street import Street
from placewatch.simulate.sumo import Everybody, Piece, SumoRun
from placewatch.simulate.traffic import RoadUser

Picture = npt.NDArray[np.uint8]

GOP_S = 2.0
BITS_A_PIXEL = 0.077  # 4 Mbit/s at 1080p25, as most cameras are set
_BRAKES_M_S2 = 0.8


@dataclass
class Cast:
    """The road users of a simulation, as they are drawn. Time only moves forward."""

    everybody: Everybody
    _users: list[RoadUser] = field(default_factory=list, init=False)
    _known: dict[int, tuple[float, float, float]] = field(default_factory=dict, init=False)

    def move(self, media_s: float, piece: Piece, rows: slice) -> None:
        """Takes over who is where at `media_s`."""
        users = []
        known = {}
        for row in range(rows.start, rows.stop):
            who = int(piece.who[row])
            kind, speed = self.everybody.kinds[who], float(piece.speed_m_s[row])
            heading = float(piece.heading_rad[row])
            back_m = 0.5 * self.everybody.length_m(who)
            x_m = float(piece.x_m[row]) - back_m * math.cos(heading)
            y_m = float(piece.y_m[row]) - back_m * math.sin(heading)
            at_s, was_m_s, gone_m = self._known.get(who, (media_s, speed, 0.0))
            passed_s = media_s - at_s
            gone_m += speed * passed_s
            known[who] = media_s, speed, gone_m
            braking = passed_s > 0.0 and (speed - was_m_s) / passed_s < -_BRAKES_M_S2
            look = who * 2_654_435_761 % 1_000_003
            users.append(RoadUser(kind, x_m, y_m, heading, speed, braking, gone_m, look))
        self._users, self._known = users, known

    def at(self, media_s: float) -> list[RoadUser]:
        return self._users

    def colour(self, zone: str, party: str, media_s: float) -> str:
        return "red"  # it has no lights that could be seen


def moments(pieces: Iterable[Piece]) -> Iterator[tuple[float, Piece, slice]]:
    """(seconds, piece, its rows then) of each moment."""
    for piece in pieces:
        begins = np.searchsorted(piece.at_s, piece.moments_s)
        ends = np.searchsorted(piece.at_s, piece.moments_s, side="right")
        for media_s, begin, end in zip(piece.moments_s.tolist(), begins, ends, strict=True):
            yield media_s, piece, slice(int(begin), int(end))


def pictures(
    run: SumoRun, pieces: Iterable[Piece], camera: Pinhole, fps: float, conditions: Conditions = DAY
) -> Iterator[tuple[float, Picture]]:
    """(seconds, (H, W, 3) RGB) of each frame; `pieces` are those of `run`, which must step once a
    frame, 1 / fps seconds."""
    assert math.isclose(run.step_s * fps, 1.0), "a step is a frame"
    view = view_of(run.street, run.network)
    artist = Outdoors(view, camera, conditions, fps, run.seed)
    sensor = sensor_of(camera, conditions, fps, run.seed)
    cast = Cast(run.everybody)
    for number, (media_s, piece, rows) in enumerate(moments(pieces)):
        cast.move(media_s, piece, rows)
        drawn = artist.draw(cast, media_s, carriages_m(run.street, media_s))
        yield media_s, sensor.rgb(drawn, number)


def carriages_m(street: Street, media_s: float) -> list[tuple[float, float]]:
    """Where the carriages of a train are at that time of a run, if there is one."""
    trains = street.crowd.trains if street.crowd is not None else None
    off_m = trains.off_m(media_s) if trains is not None else None
    if trains is None or off_m is None:
        return []
    return [(x_m + off_m, trains.y_m) for x_m in trains.carriages_m]


def write_film(
    path: Path,
    run: SumoRun,
    pieces: Iterable[Piece],
    camera: Pinhole,
    fps: float,
    conditions: Conditions = DAY,
) -> Iterator[float]:
    """Encodes the street at `path` (H.264, no B frames, a key frame every 2 s), and yields the
    seconds that are done."""
    with av.open(str(path), "w") as file:
        stream = _stream(file, camera, fps)
        for number, (media_s, rgb) in enumerate(pictures(run, pieces, camera, fps, conditions)):
            frame = av.VideoFrame.from_ndarray(_yuv(rgb), format="yuv420p")
            frame.pts = number
            for packet in stream.encode(frame):
                file.mux(packet)
            yield media_s
        for packet in stream.encode():
            file.mux(packet)


def _yuv(rgb: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def _stream(file: OutputContainer, camera: Pinhole, fps: float) -> VideoStream:
    rate = Fraction(fps).limit_denominator(1000)
    stream = file.add_stream("libx264", rate=rate)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = camera.width_px, camera.height_px, "yuv420p"
    bit_rate = round(BITS_A_PIXEL * camera.width_px * camera.height_px * fps)
    stream.bit_rate = bit_rate
    stream.codec_context.gop_size = round(GOP_S * fps)
    stream.codec_context.time_base = 1 / rate
    stream.options = {
        "preset": "veryfast", "profile": "high", "bf": "0", "threads": "1",
        "maxrate": str(bit_rate), "bufsize": str(bit_rate),
    }  # fmt: skip
    return stream
