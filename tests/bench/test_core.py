"""Every row of the core bench, on films of a few seconds: its form, and that it can fail."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import av.codec
import pytest
from av.video.frame import PictureType
from jsonschema import Draft202012Validator

from placewatch.bench import BENCHES, Extent, Figure, core, film, memory, page, peers, start
from placewatch.bench.analysis import Boxes, Pass, analyse
from placewatch.bench.film import Film, Recipe
from placewatch.bench.record import machine
from placewatch.bench.tally import missed, tally
from placewatch.core.errors import Unavailable
from placewatch.core.kinds import Direction, Kind
from placewatch.core.sightings import Detection
from placewatch.perceive import street_detector
from placewatch.pixels.frame import Frame
from placewatch.simulate.traffic import TrueCrossing

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/spec/bench.schema.json").read_text("utf-8")))
SHORT = Extent(
    pairs=2,
    main=Recipe(duration_s=8.0, width_px=640, height_px=360, sub_width_px=320, sub_height_px=180),
    quiet=Recipe(seed=2, passages=1, platoon_s=1.0, cycle_s=70.0, width_px=128, height_px=72),
    evening=Recipe(seed=1, passages=1, platoon_s=0.2, cycle_s=70.0, width_px=128, height_px=72),
    cameras=2,
    watched_s=1.5,
)

pytestmark = pytest.mark.skipif(
    "libx264" not in av.codec.codecs_available, reason="FFmpeg has no H.264 encoder here"
)


@pytest.fixture(scope="module", autouse=True)
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own: drawn once for all of them, and not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def reel() -> Film:
    return film.film(SHORT.main)


def valid(figures: list[Figure]) -> dict[str, Figure]:
    """The figures by name, after the published form of them was found to be in order."""
    document = {
        "format": "placewatch.bench/1",
        "placewatch": "0.0.0",
        "at": "2026-01-01T00:00:00Z",
        "machine": machine(),
        "figures": [dataclasses.asdict(figure) for figure in figures],
    }
    SCHEMA.validate(document)
    assert page.page(document).count("not passed") >= sum(
        not one.passed for one in figures if one.name in ("core.main", "core.sub", "core.memory")
    )
    return {figure.name: figure for figure in figures}


def crossing(media_s: float, line: str = "a", kind: Kind = Kind.CAR) -> TrueCrossing:
    return TrueCrossing(media_s, line, kind, Direction.LEFT_TO_RIGHT, 10.0)


def test_a_film_is_drawn_once_and_then_found(reel: Film) -> None:
    drawn = reel.main.stat().st_mtime_ns
    again = film.film(SHORT.main)
    assert again == reel
    assert again.main.stat().st_mtime_ns == drawn
    assert again.truth


def test_another_film_takes_the_place_of_the_older_one_of_its_street(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    small = Recipe(duration_s=0.2, width_px=128, height_px=72, sub_width_px=64, sub_height_px=36)
    first = film.film(small)
    quiet = film.film(dataclasses.replace(small, passages=1, platoon_s=0.2, cycle_s=70.0))
    second = film.film(dataclasses.replace(small, seed=3))
    assert not first.main.exists()
    assert second.main.exists()
    assert quiet.main.exists()


def test_a_film_is_what_an_ip_camera_sends(reel: Film) -> None:
    with av.open(str(reel.main)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 640, 360)
        kinds = [PictureType(frame.pict_type).name for frame in container.decode(stream)]
    assert len(kinds) == reel.frames
    assert [number for number, kind in enumerate(kinds) if kind == "I"] == list(range(0, 200, 50))
    assert "B" not in kinds


def test_a_quiet_film_is_empty_but_for_its_passages_and_its_truth_says_when() -> None:
    recipe = Recipe(seed=2, passages=1, platoon_s=2.0, cycle_s=140.0, width_px=192, height_px=108)
    reel = film.film(recipe)
    with av.open(str(reel.main)) as container:
        lumas = [frame.to_ndarray()[:108].astype(int) for frame in container.decode(video=0)]
    assert len(lumas) == reel.frames == 140 * 25
    assert reel.truth
    assert all(120 < one.media_s < 140 for one in reel.truth)

    def differs(at: int) -> float:
        """From the street of 70 s before, when its light was the same."""
        return float((abs(lumas[at] - lumas[at - 70 * 25]) > 25).mean())

    assert max(differs(at) for at in range(70 * 25, 120 * 25, 25)) < 0.001
    for one in reel.truth:
        assert differs(round(one.media_s * 25)) > 0.002, "somebody crosses a line then"


def test_the_rows_of_the_main_stream_have_their_counts_beside_them() -> None:
    told = valid(core.measure_main(SHORT))
    for name, must in (("core.main", "<= 0.95"), ("core.exact", "<= 1.1")):
        for row in (name, f"{name}.every"):
            assert (told[row].value or 0.0) > 0.0
            assert told[f"{row}.wrong"].value is not None
            assert told[row].must == must
        assert "200 of 200 frames analysed" in told[f"{name}.every"].how
        assert "200 of 200 frames analysed" not in told[name].how


def test_a_detector_that_sees_nothing_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(self: object, frame: Frame, motion: object, tracks: object) -> list[Detection]:
        return []

    monkeypatch.setattr(street_detector.StreetDetector, "detect", blind)
    told = valid(core.measure_sub(dataclasses.replace(SHORT, pairs=1)))
    assert told["core.sub.wrong"].value == 1.0
    assert not told["core.sub.wrong"].passed


def test_the_sub_stream_row_carries_the_main_stream() -> None:
    told = valid(core.measure_sub(SHORT))
    assert told["core.sub"].value is not None
    assert "320x180" in told["core.sub"].how


def test_the_quiet_row_says_what_it_missed_and_how_quiet_it_was() -> None:
    told = valid(core.measure_quiet(SHORT))
    assert set(told) == {"core.quiet", "core.quiet.missed", "core.quiet.active", "core.quiet.wrong"}
    assert "it did not sleep" in told["core.quiet"].how, "one passage is no proof"
    assert (told["core.quiet.active"].value or 0.0) < 0.5


def test_a_bench_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*arguments: object) -> Film:
        raise Unavailable("no encoder here")

    monkeypatch.setattr(core, "film", no)
    for measure in (core.measure_main, core.measure_sub, core.measure_quiet):
        told = valid(measure(SHORT))
        assert all(not figure.passed and figure.value is None for figure in told.values())
        assert all("no encoder here" in figure.how for figure in told.values())


def test_memory_is_that_of_a_node_that_watched() -> None:
    told = valid(memory.measure(SHORT))["core.memory"]
    assert told.value is not None, told.how
    assert "with 2" in told.how


def test_a_start_is_measured_in_a_process_of_its_own() -> None:
    told = valid(start.measure(SHORT))
    assert told["core.start"].value is not None, told["core.start"].how
    assert told["core.start"].value > (told["core.start.help"].value or 0.0) > 0.0


def test_without_the_peers_the_row_is_not_measured_and_not_passed() -> None:
    told = valid(peers.measure(SHORT))
    assert not told["core.stack"].passed
    assert "--peers" in told["core.stack"].how


def test_a_peer_is_asked_in_its_own_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reel: Film
) -> None:
    """What stands in for a peer prints what count.py prints."""
    folder = tmp_path / "trackers" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    script = tmp_path / "peer.py"
    one = {
        "media_s": reel.truth[0].media_s,
        "line": reel.truth[0].line,
        "direction": reel.truth[0].direction,
        "kind": None,
    }
    told = {
        "versions": {"peer": "1"},
        "frames": reel.frames,
        "cpu_s": 1000.0,
        "start_cpu_s": 1.0,
        "private_bytes": 10**8,
        "crossings": [one],
    }
    script.write_text(f"print({json.dumps(json.dumps(told))})", "utf-8")
    monkeypatch.setattr(peers, "SCRIPT", script)
    figures = valid(peers.measure(dataclasses.replace(SHORT, pairs=1, peers=tmp_path)))
    assert figures["core.stack"].passed
    assert figures["core.stack.peer.wrong"].how.startswith(f"1 of {len(reel.truth)} found")
    assert figures["core.stack.peer.third.wrong"].how.startswith(f"1 of {len(reel.truth)} found")
    assert not figures["core.peer.norfair"].passed


def test_a_crossing_is_found_once_on_its_line_and_in_its_time() -> None:
    truth = [crossing(1.0), crossing(2.0), crossing(9.0, "b")]
    told = [crossing(1.2, kind=Kind.VAN), crossing(9.0), crossing(9.4, "b"), crossing(9.5, "b")]
    found = tally(truth, told)
    assert (found.true, found.found, found.missed, found.extra) == (3, 2, 1, 2)
    assert found.kind_right == 1
    assert found.share_wrong == 1.0


def test_errors_that_cancel_in_a_total_are_both_seen() -> None:
    assert tally([crossing(1.0)], [crossing(30.0)]).wrong == 2


def test_a_path_is_missed_unless_one_path_covers_half_of_it() -> None:
    def at(*times_s: float) -> Boxes:
        return [(at_s, 0.1, 0.1, 0.2, 0.2) for at_s in times_s]

    path = at(*[step / 10 for step in range(10)])
    assert missed([path], [path[5:]]) == 0
    assert missed([path], [path[6:]]) == 1
    assert missed([path], [[(at_s, 0.5, 0.5, 0.6, 0.6) for at_s, *_ in path]]) == 1
    assert missed([path], []) == 1
    assert missed([at(0.0, 0.12, 0.24)], [at(0.04, 0.16, 0.28)]) == 0, "other frames of a stream"
    assert missed([at(0.0, 0.4, 0.8)], [at(0.2, 0.6, 1.0)]) == 1


def test_a_pass_tells_what_the_node_would(reel: Film) -> None:
    told = analyse(reel.camera())
    assert isinstance(told, Pass)
    assert reel.frames / 4 < told.frames < reel.frames / 2, "at least 8 of 25 are analysed"
    assert told.cpu_s > 0
    assert all(at_s <= 8.0 for path in told.paths.values() for at_s, *_ in path)


def test_core_means_all_of_its_rows() -> None:
    assert {"core.main", "core.sub", "core.quiet", "core.memory", "core.start"} <= set(BENCHES)
