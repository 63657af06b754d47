"""Files of any kind become frames of the street in them, and nothing else is read."""

import gc
import itertools
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image
from tests.capture.films import make_film, street, ts_packets

from placewatch.capture import open_source
from placewatch.capture.decode import Decoder, Picture, only_video
from placewatch.capture.source import Source, SourceSpec
from placewatch.core.errors import Misconfigured, PlacewatchError
from placewatch.core.ids import CameraId
from placewatch.core.time import Clock, SimulatedClock, SystemClock
from placewatch.pixels.frame import Frame

CAMERA = CameraId("kista-03")
CODECS = {
    "street.mp4": ("libx264", {}),
    "street.ts": ("libx264", {}),
    "street.mkv": ("libx265", {}),
    "street.webm": ("libvpx-vp9", {}),
    "street.avi": ("mpeg4", {}),
    "camera.avi": ("mjpeg", {"pix_fmt": "yuvj420p"}),
    "screen.mkv": ("libx264", {"pix_fmt": "yuv444p"}),
    "grey.mkv": ("ffv1", {"pix_fmt": "gray"}),
    "colour.mkv": ("ffv1", {"pix_fmt": "bgr0"}),
    "fine.mkv": ("libx265", {"pix_fmt": "yuv420p10le"}),
}


def watch(path: Path, clock: Clock | None = None) -> tuple[list[Frame], Source]:
    """All frames of the file, and the source they came from."""
    source = open_source(SourceSpec(CAMERA, str(path)), clock or SystemClock())
    return list(source.frames()), source


@pytest.mark.parametrize("name", CODECS)
def test_the_street_is_seen_whatever_it_was_encoded_with(name: str, tmp_path: Path) -> None:
    codec, options = CODECS[name]
    film = make_film(tmp_path / name, codec, frames=20, **options)  # type: ignore[arg-type]
    frames, source = watch(film)
    assert [frame.number for frame in frames] == list(range(20))
    assert [round(frame.media_s * 25, 3) for frame in frames] == list(range(20))
    assert (source.info.width_px, source.info.height_px, source.info.fps) == (160, 120, 25.0)
    assert (source.health.frames, source.health.packets_corrupt, source.health.gaps) == (20, 0, 0)
    van = frames[10].luma[62:74, 24:46]
    road = frames[10].luma[20:40, 20:140]
    assert van.mean() > 170 > 120 > road.mean() > 60


def test_luma_is_the_decoders_own_memory_and_cannot_be_written(tmp_path: Path) -> None:
    frames, _ = watch(make_film(tmp_path / "a.mp4", size_px=(158, 118)))
    luma = frames[0].luma
    assert luma.shape == (118, 158)
    assert luma.strides[0] > 158, "rows are padded apart, so this is a view"
    assert not luma.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        luma[0, 0] = 1


def test_luma_stays_valid_after_the_source_is_closed_and_forgotten(tmp_path: Path) -> None:
    frames, source = watch(make_film(tmp_path / "a.mp4"))
    kept = frames[10]
    before = kept.luma.copy()
    source.close()
    del frames, source
    gc.collect()
    assert np.array_equal(kept.luma, before)


def test_colours_are_made_on_demand_at_the_width_asked_for(tmp_path: Path) -> None:
    frames, _ = watch(make_film(tmp_path / "a.mp4"))
    rgb = frames[10].to_rgb(80)
    assert rgb.shape == (60, 80, 3)
    assert rgb.dtype == np.uint8
    full = frames[10].to_rgb(160).astype(int)
    drawn = street(10).to_ndarray(format="rgb24").astype(int)
    assert np.abs(full - drawn).mean() < 8


def test_no_sound_is_read_on_from_a_file_that_has_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(tmp_path / "a.mkv", sound=True)
    with av.open(str(film)) as container:
        kinds = [packet.stream.type for packet in container.demux() if packet.size]
    assert kinds.count("audio") > 50, "the film must have sound for this to mean anything"

    met: list[str] = []
    decode = Decoder.decode

    def spy(self: Decoder, packet: "Packet[VideoStream]") -> Iterator[Picture]:
        met.append(packet.stream.type)
        return decode(self, packet)

    monkeypatch.setattr(Decoder, "decode", spy)
    frames, _ = watch(film)
    assert len(frames) == 50
    assert set(met) == {"video"}


def test_the_demuxer_itself_drops_sound_and_data(tmp_path: Path) -> None:
    """Even who asks it for everything gets none, but for what it looked at while opening."""
    film = make_film(tmp_path / "a.ts", sound=True, data=True, frames=250)
    with av.open(str(film)) as container:
        kinds = [packet.stream.type for packet in container.demux() if packet.size]
        assert {"audio", "data"} <= set(kinds)
    with av.open(str(film)) as container:
        assert isinstance(container, InputContainer)
        only_video(container)
        kinds = [packet.stream.type for packet in container.demux() if packet.size]
    assert kinds.count("video") == 250
    assert set(kinds[10:]) == {"video"}


def test_the_time_of_a_frame_is_that_of_the_opening_and_the_streams(tmp_path: Path) -> None:
    clock = SimulatedClock()
    opened_at = clock.utc()
    frames, _ = watch(make_film(tmp_path / "a.mp4"), clock)
    assert [frame.at - opened_at for frame in frames] == [40_000 * n for n in range(50)]


def test_at_real_pace_a_recording_takes_as_long_as_it_took(tmp_path: Path) -> None:
    clock = SimulatedClock()
    spec = SourceSpec(CAMERA, str(make_film(tmp_path / "a.mp4")), pace="real")
    seen_s = []
    for frame in open_source(spec, clock).frames():
        seen_s.append(clock.monotonic_s())
        assert abs(seen_s[-1] - frame.media_s) < 1e-6
    assert len(seen_s) == 50


def test_at_real_pace_a_reader_that_is_late_skips_frames_and_they_are_counted(
    tmp_path: Path,
) -> None:
    clock = SimulatedClock()
    spec = SourceSpec(CAMERA, str(make_film(tmp_path / "a.mp4", frames=200)), pace="real")
    source = open_source(spec, clock)
    shown = []
    for frame in source.frames():
        shown.append(frame.number)
        clock.sleep(0.4)  # ten times longer than a frame lasts
    assert len(shown) + source.health.frames_dropped == 200
    assert source.health.frames == len(shown) < 40
    assert max(shown) > 150, "it keeps up with the street"
    assert 0 < source.health.lateness_s < 2


def test_a_picture_that_changes_its_size_goes_on_after_a_gap(tmp_path: Path) -> None:
    small = make_film(tmp_path / "small.h264", format="h264")
    large = make_film(tmp_path / "large.h264", format="h264", size_px=(320, 240))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    frames, source = watch(both)
    assert [frame.width_px for frame in frames] == [160] * 50 + [320] * 50
    assert [frame.number for frame in frames if frame.after_gap] == [0, 50]
    assert source.health.gaps == 1


def test_two_recordings_in_one_file_are_parted_by_a_gap(tmp_path: Path) -> None:
    once = make_film(tmp_path / "once.ts")
    twice = tmp_path / "twice.ts"
    twice.write_bytes(once.read_bytes() * 2)
    frames, source = watch(twice)
    assert len(frames) == 100
    assert [frame.number for frame in frames if frame.after_gap] == [0, 50]
    assert source.health.timestamps_repaired >= 1
    assert all(a.media_s < b.media_s for a, b in itertools.pairwise(frames))


def test_a_counter_that_runs_over_in_the_file_is_no_gap(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.ts", start_ticks=2**33 - 90_000)
    frames, source = watch(film)
    assert len(frames) == 50
    assert abs(frames[-1].media_s - 1.96) < 1e-3
    assert source.health.gaps == 0


def test_a_recording_that_paused_says_where(tmp_path: Path) -> None:
    def ticks(number: int) -> int:
        return number * 3600 + (0 if number < 25 else 30 * 90_000)

    frames, source = watch(make_film(tmp_path / "a.mkv", ticks=ticks))
    assert [frame.number for frame in frames if frame.after_gap] == [0, 25]
    assert abs(frames[-1].media_s - 31.96) < 1e-3
    assert (source.health.gaps, source.health.timestamps_repaired) == (1, 0)


def test_a_variable_frame_rate_is_no_defect(tmp_path: Path) -> None:
    dice = random.Random(4)
    times = [0]
    for _ in range(49):
        times.append(times[-1] + dice.choice([1, 2, 3, 10]) * 3600)
    frames, source = watch(make_film(tmp_path / "a.mkv", ticks=times.__getitem__))
    assert all(
        abs(frame.media_s - ticks / 90_000) < 1e-3
        for frame, ticks in zip(frames, times, strict=True)
    )
    assert (source.health.gaps, source.health.timestamps_repaired) == (0, 0)


def test_a_stream_without_any_times_is_watched_at_its_declared_rate(tmp_path: Path) -> None:
    frames, source = watch(make_film(tmp_path / "a.h264", format="h264"))
    assert abs(frames[-1].media_s - 1.96) < 1e-6
    assert source.health.timestamps_repaired == 49


def test_a_file_that_was_cut_off_is_watched_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "whole.ts", frames=100).read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole[: len(whole) // 2])
    frames, _ = watch(cut)
    assert 20 < len(frames) < 80


def test_a_hole_in_a_file_is_a_gap_of_its_true_length(tmp_path: Path) -> None:
    options = {"g": "25", "bf": "0"}  # no frame from beside the hole is shown elsewhere
    packets = ts_packets(make_film(tmp_path / "whole.ts", frames=150, options=options))
    hole = packets[: len(packets) // 3] + packets[len(packets) * 2 // 3 :]
    frames, source = watch(write_ts(tmp_path / "hole.ts", hole))
    assert source.health.gaps == 1
    assert len([frame for frame in frames if frame.after_gap]) == 2
    assert abs(frames[-1].media_s - 5.96) < 0.1


def test_lost_packets_are_counted_and_the_rest_is_watched(tmp_path: Path) -> None:
    packets = ts_packets(make_film(tmp_path / "whole.ts", frames=250, options={"g": "25"}))
    dice = random.Random(3)
    kept = packets[:20] + [packet for packet in packets[20:] if dice.random() > 0.03]
    frames, source = watch(write_ts(tmp_path / "lossy.ts", kept))
    assert source.health.packets_corrupt > 3
    assert len(frames) > 100
    assert abs(frames[-1].media_s - 9.96) < 0.5


def write_ts(path: Path, packets: list[bytes]) -> Path:
    path.write_bytes(b"".join(packets))
    return path


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_flipped_bits_are_counted_and_never_end_the_watch(codec: str, tmp_path: Path) -> None:
    """What matters is that the process lives and says so; a flip may also be undetectable."""
    film = make_film(tmp_path / "a.mkv", codec, frames=75, options={"g": "25"})
    whole = film.read_bytes()
    counted = 0
    for seed in range(25):
        dice, damaged = random.Random(seed), bytearray(whole)
        for _ in range(dice.randrange(1, 60)):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        path = tmp_path / f"{seed}.mkv"
        path.write_bytes(damaged)
        try:
            frames, source = watch(path)
        except PlacewatchError:
            continue  # its head was hit, and one sentence says that it cannot be read
        assert all(a.media_s < b.media_s for a, b in itertools.pairwise(frames))
        assert len(frames) <= 75, f"seed {seed}"
        counted += source.health.packets_corrupt > 0
    assert counted >= 8


def test_noise_is_never_a_video_and_never_a_crash(tmp_path: Path) -> None:
    for seed in range(20):
        path = tmp_path / f"{seed}.mp4"
        path.write_bytes(random.Random(seed).randbytes(4000))
        with pytest.raises(PlacewatchError):
            watch(path)


def test_closing_from_another_thread_ends_the_watch_within_a_second(tmp_path: Path) -> None:
    spec = SourceSpec(CAMERA, str(make_film(tmp_path / "a.mp4", frames=250)), pace="real")
    source = open_source(spec, SystemClock())
    seen: list[int] = []
    ended = threading.Event()

    def read() -> None:
        seen.extend(frame.number for frame in source.frames())
        ended.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    time.sleep(0.1)
    source.close()
    assert ended.wait(1.0)
    reader.join()
    assert len(seen) < 250
    source.close()


BAD = {
    "missing": ("no/such.mp4", "there is no file"),
    "folder": (".", "is a folder"),
    "pipe": ("/dev/null", "is no regular file"),
    "text": ("words.mp4", "is no video"),
    "nothing": ("empty.mp4", "is empty"),
    "sound": ("sound.mp4", "there is no video in"),
    "picture": ("still.png", "is no video"),
    "playlist": ("list.m3u8", "is no video"),
    "unfinished": ("cut.mp4", "is no video"),
    "no frames in AVI": ("header.avi", "there is no picture in"),
    "no frames in MKV": ("header.mkv", "there is no picture in"),
    "scheme": ("ftp://ada:s3cret@c/x", "has a scheme that is not known"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_watched_is_told_in_one_sentence_with_a_hint(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.mp4").write_text("a street, in words\n" * 200)
    Path("empty.mp4").touch()
    Path("list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://10.0.0.1/a.ts\n#EXT-X-ENDLIST\n")
    whole = make_film(tmp_path / "whole.mp4", sound=True)
    Path("cut.mp4").write_bytes(whole.read_bytes()[:2000])
    Image.fromarray(street(1).to_ndarray(format="rgb24").view(np.uint8)).save("still.png")
    with av.open("sound.mp4", "w") as container, av.open(str(whole)) as voice:
        copy = container.add_stream_from_template(voice.streams.audio[0])
        for packet in voice.demux(voice.streams.audio[0]):
            if packet.size:
                packet.stream = copy
                container.mux(packet)
    make_film(tmp_path / "header.avi", "mjpeg", frames=0, pix_fmt="yuvj420p")
    make_film(tmp_path / "header.mkv", frames=0)
    url, sentence = BAD[case]
    with pytest.raises(Misconfigured) as failure:
        open_source(SourceSpec(CAMERA, url), SystemClock())
    assert sentence in failure.value.message
    assert failure.value.hint
    assert "\n" not in str(failure.value)
    assert "s3cret" not in str(failure.value)


def test_a_codec_that_cannot_be_decoded_is_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_film(tmp_path / "whole.avi", "mjpeg", pix_fmt="yuvj420p").read_bytes()
    strange = tmp_path / "strange.avi"
    strange.write_bytes(whole.replace(b"MJPG", b"ZZZZ"))
    with pytest.raises(Misconfigured, match=r"codec|no video"):
        open_source(SourceSpec(CAMERA, str(strange)), SystemClock())


def test_a_file_may_not_be_read_is_said_so(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4")
    film.chmod(0)
    try:
        film.read_bytes()
    except PermissionError:
        with pytest.raises(Misconfigured, match="may not be read"):
            open_source(SourceSpec(CAMERA, str(film)), SystemClock())
    else:
        pytest.skip("this user may read everything")
