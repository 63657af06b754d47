"""How much of a stream is decoded: what is passed over, what is replayed, and what nobody loses."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.capture.cameras import http_camera
from tests.capture.films import FPS, VBR, make_film, passages

from placewatch.capture import open_source
from placewatch.capture.controller import Controller, Demands
from placewatch.capture.decode import Decoder
from placewatch.capture.gops import GopRing, Kept
from placewatch.capture.policy import FULL, PacketSeen, Policy, Steady
from placewatch.capture.source import SourceHealth, SourceSpec
from placewatch.capture.timestamps import MediaClock
from placewatch.capture.video import FileSource
from placewatch.core.facts import Decoding
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.time import SystemClock
from placewatch.pixels.frame import Frame

CAMERA = CameraId("kista-03")
P_ONLY = {"bf": "0", "g": "25", "sc_threshold": "0", "preset": "veryfast"}


@dataclass
class Wanting:
    """Wants the packets that `wants` says, counted from 0, and notes down all it is asked."""

    wants: Callable[[int], bool]
    loop_filter: bool = True
    references_only: bool = False
    asked: list[PacketSeen] = field(default_factory=list)

    def choose(self, packet: PacketSeen) -> bool:
        self.asked.append(packet)
        return self.wants(len(self.asked) - 1)

    def heed(self, tracks: Sequence[Track]) -> None:
        pass

    def report(self) -> Decoding:
        return Decoding("keyframes")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds without B frames, a key frame a second."""
    return make_film(tmp_path_factory.mktemp("p") / "p.mp4", frames=100, options=P_ONLY)


def frames_of(film: Path, policy: Policy) -> list[Frame]:
    return list(FileSource(SourceSpec(CAMERA, str(film)), SystemClock(), policy).frames())


def test_without_a_wish_only_key_frames_are_decoded(film: Path) -> None:
    frames = frames_of(film, Wanting(lambda number: False))
    # The last group is decoded after all: nothing is lost with the end.
    assert [frame.number for frame in frames] == [0, 25, 50, *range(75, 100)]
    assert [round(frame.media_s * FPS) for frame in frames] == [frame.number for frame in frames]
    assert [frame.after_gap for frame in frames] == [True] + [False] * 27


def test_a_wish_brings_back_all_since_the_key_frame_in_order_and_bit_exact(film: Path) -> None:
    whole = {frame.number: frame.luma.copy() for frame in frames_of(film, FULL)}
    frames = frames_of(film, Wanting(lambda number: number == 40))
    assert [frame.number for frame in frames] == [0, *range(25, 41), 50, *range(75, 100)]
    for frame in frames:
        assert np.array_equal(frame.luma, whole[frame.number])


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_wished_times_rise_and_each_frame_is_the_one_it_says(
    seed: int, film: Path
) -> None:
    dice = random.Random(seed)
    whole = {frame.number: frame.luma.copy() for frame in frames_of(film, FULL)}
    source = FileSource(
        SourceSpec(CAMERA, str(film)), SystemClock(), Wanting(lambda number: dice.random() < 0.03)
    )
    frames = list(source.frames())
    assert all(a.media_s < b.media_s for a, b in itertools.pairwise(frames))
    assert all(round(frame.media_s * FPS) == frame.number for frame in frames)
    assert all(np.array_equal(frame.luma, whole[frame.number]) for frame in frames)
    assert {0, 25, 50, 75} <= {frame.number for frame in frames}
    assert source.health.timestamps_repaired == source.health.packets_corrupt == 0


def test_a_policy_is_told_what_a_packet_is(film: Path) -> None:
    policy = Wanting(lambda number: True)
    frames_of(film, policy)
    assert len(policy.asked) == 100
    assert [n for n, seen in enumerate(policy.asked) if seen.is_key] == [0, 25, 50, 75]
    assert all(seen.step_s == pytest.approx(1 / FPS) for seen in policy.asked[1:])
    assert not any(seen.reorders for seen in policy.asked)
    assert all(seen.size_bytes > 0 for seen in policy.asked)


def test_the_loop_filter_can_be_turned_at_any_key_frame(film: Path) -> None:
    whole = {frame.number: frame.luma.copy() for frame in frames_of(film, FULL)}
    policy = Wanting(lambda number: True)
    frames = []
    for frame in FileSource(SourceSpec(CAMERA, str(film)), SystemClock(), policy).frames():
        frames.append(frame)
        policy.loop_filter = not 20 <= frame.number < 70
    assert [frame.number for frame in frames] == list(range(100))
    same = [bool(np.array_equal(frame.luma, whole[frame.number])) for frame in frames]
    assert all(same[:25])
    assert not any(same[26:75]), "without it edges of blocks stay"
    assert all(same[75:])
    worst = max(
        float(np.abs(frame.luma.astype(int) - whole[frame.number]).mean()) for frame in frames
    )
    assert worst < 8, "the same street all the same"


def test_frames_that_no_other_needs_are_passed_over(tmp_path: Path) -> None:
    options = {"bf": "3", "g": "50", "sc_threshold": "0", "preset": "veryfast"}
    film = make_film(tmp_path / "b.mp4", frames=100, options=options)
    whole = {round(frame.media_s * FPS): frame.luma.copy() for frame in frames_of(film, FULL)}
    frames = frames_of(film, Steady(references_only=True))
    assert len(whole) == 100
    assert len(frames) < 70, "many are B frames that no other refers to"
    assert all(np.array_equal(f.luma, whole[round(f.media_s * FPS)]) for f in frames)
    assert not any(frame.after_gap for frame in frames[1:])
    assert all(abs(frame.number - round(frame.media_s * FPS)) <= 4 for frame in frames)


def test_a_stream_without_such_frames_loses_none(film: Path) -> None:
    assert len(frames_of(film, Steady(references_only=True))) == 100


def test_b_frames_are_told(tmp_path: Path) -> None:
    film = make_film(tmp_path / "b.mp4", options={"bf": "2", "preset": "veryfast"})
    policy = Wanting(lambda number: True)
    frames_of(film, policy)
    assert any(seen.reorders for seen in policy.asked)


def test_a_hole_in_the_stream_is_a_gap_also_asleep(tmp_path: Path) -> None:
    """Five seconds are missing in the middle of a group of pictures that nobody decodes."""
    film = make_film(
        tmp_path / "hole.mp4",
        frames=100,
        options=P_ONLY,
        ticks=lambda i: (i + (125 if i >= 35 else 0)) * 90_000 // FPS,
    )
    frames = frames_of(film, Wanting(lambda number: False))
    assert [frame.number for frame in frames if frame.after_gap] == [0, 50]


@pytest.mark.parametrize("passed", [0, 1, 49])
def test_the_usual_frame_time_stays_that_of_the_stream(passed: int) -> None:
    clock = MediaClock(Fraction(1, 25))
    for number in range(20):
        clock.stamp(number * (passed + 1), passed=passed, hole_ticks=1)
    assert clock.frame_s == pytest.approx(1 / 25)


def test_a_broken_packet_wakes_whoever_sleeps(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.ts", frames=100, options=P_ONLY, format="mpegts")
    health = SourceHealth()
    policy = Wanting(lambda number: False)
    decoder = Decoder(str(film), health, policy=policy)
    numbers = []
    for number, packet in enumerate(decoder.packets_read()):
        if number == 30:
            assert packet is not None
            assert decoder.kept == 4
            numbers += [picture.number for picture in decoder.decode(None)]
            numbers += [picture.number for picture in decoder.replay()]
            break
        numbers += [picture.number for picture in decoder.decode(packet)]
    decoder.close()
    assert numbers == [0, 25, 26, 27, 28, 29]
    assert health.packets_corrupt == 1


def kept(size_bytes: int, *, key: bool = False, step_s: float = 0.04) -> Kept:
    return Kept(av.Packet(size_bytes), None, size_bytes, step_s, key)  # type: ignore[arg-type]


def test_a_ring_drops_whole_groups_the_oldest_first() -> None:
    ring = GopRing(bytes_max=1000, seconds_max=60.0)
    for number in range(60):
        assert ring.keep(kept(40, key=number % 10 == 0))
    assert ring.size_bytes <= 1000
    taken = ring.take()
    assert taken[0].is_key
    assert len(taken) == 20
    assert len(ring) == ring.size_bytes == ring.seconds == 0


def test_a_group_that_is_too_large_is_refused_and_nothing_is_lost() -> None:
    ring = GopRing(bytes_max=1000, seconds_max=1.0)
    assert ring.keep(kept(600, key=True))
    assert not ring.keep(kept(600))
    assert not ring.keep(kept(1, step_s=2.0))
    assert [one.size_bytes for one in ring.take()] == [600]


def test_a_full_ring_wakes_whoever_sleeps(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placewatch.capture.decode.KEPT_S_MAX", 0.41)
    frames = frames_of(film, Wanting(lambda number: False))
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(numbers)
    assert {0, 25, 50, 75} <= set(numbers)
    assert len(numbers) > 80, "ten are kept; the eleventh lets them all through"


# A street, encoded as cameras do it.


CARS = [3.3 + 9.7 * k for k in range(6)]
CBR = {
    "b": "400k",
    "maxrate": "400k",
    "bufsize": "100k",
    "preset": "veryfast",
    "sc_threshold": "0",
    "x264-params": "nal-hrd=cbr",
}
DEMANDS = Demands(gops=25, active_gops=3)


def watched(film: Path, controller: Controller) -> tuple[list[int], set[int]]:
    """The numbers of all frames that were decoded, and which cars were seen, by an analysis that
    knows where the white car is."""
    numbers, seen = [], set()
    for frame in FileSource(SourceSpec(CAMERA, str(film)), SystemClock(), controller).frames():
        there = bool((frame.luma[90:120] > 190).mean() > 0.02)
        car = max((k for k, at in enumerate(CARS) if at <= frame.media_s + 0.1), default=0)
        controller.heed(
            [Track(TrackId(f"{id(film)}{car}"), Kind.CAR, Box(0, 0, 1, 1), (0, 0), 0, True, True)]
            if there
            else []
        )
        numbers.append(frame.number)
        if there:
            seen.add(car)
    return numbers, seen


def test_a_quiet_camera_of_variable_bit_rate_sleeps_and_sees_every_car(tmp_path: Path) -> None:
    film = passages(tmp_path / "vbr.mp4", 60, CARS, VBR)
    controller = Controller(random.Random(1), DEMANDS)
    for _ in range(3):  # fit, prove, and what a GOP at each end takes
        watched(film, controller)
    assert controller.report().sleeps, controller.report()
    numbers, seen = watched(film, controller)
    assert seen == set(range(len(CARS)))
    assert len(numbers) < 0.8 * 60 * FPS, "six cars in a minute, and the rest is quiet"
    assert numbers == sorted(numbers)
    assert controller.report().passages_missed == 0


def test_a_camera_of_constant_bit_rate_is_refused(tmp_path: Path) -> None:
    """Its encoder fills quiet scenes up: sizes are inverted."""
    film = passages(tmp_path / "cbr.mp4", 60, CARS, CBR)
    controller = Controller(random.Random(1), DEMANDS)
    for _ in range(3):
        numbers, _ = watched(film, controller)
        assert len(numbers) == 60 * FPS
    told = controller.report()
    assert not told.sleeps
    assert told.auc is not None
    assert told.auc < 0.9


def test_long_groups_of_pictures_are_refused(tmp_path: Path) -> None:
    film = passages(tmp_path / "long.mp4", 24, CARS[:2], VBR, gop=75)
    controller = Controller(random.Random(1), Demands(gops=3, active_gops=1))
    for _ in range(4):
        numbers, _ = watched(film, controller)
        assert len(numbers) == 24 * FPS
    assert "2 s" in controller.report().why


# Cameras on the network.


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with http_camera(tmp_path) as address:
        yield address


def test_a_recording_behind_an_address_is_slept_through_too(address: str, tmp_path: Path) -> None:
    make_film(tmp_path / "p.ts", frames=100, options=P_ONLY)
    policy = Wanting(lambda number: number == 40)
    source = open_source(SourceSpec(CAMERA, f"{address}/p.ts"), SystemClock(), policy=policy)
    frames = list(source.frames())
    assert [frame.number for frame in frames] == [0, *range(25, 41), 50, *range(75, 100)]
    assert source.health.frames_dropped == 0
    assert not any(frame.after_gap for frame in frames[1:])
