"""The bench of drawn films: a film of some seconds with its truth, and that it can fail."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import av
import pytest
from jsonschema import Draft202012Validator

from placewatch.bench import BENCHES, Figure, rendered
from placewatch.bench.page import accuracy_page
from placewatch.bench.record import record
from placewatch.bench.rendered import (
    CONDITIONS,
    VIEWS,
    Counted,
    Reel,
    Take,
    TrueCrossing,
    compared,
    figures_of,
    reel,
    take_of,
)
from placewatch.bench.roof import CAMERA, START
from placewatch.bench.run import _meant
from placewatch.core.facts import Crossing, Movement
from placewatch.core.kinds import Direction, Kind
from placewatch.node.equip import check_picture

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/spec/bench.schema.json").read_text("utf-8")))
IN, OUT = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT


def true(at_s: float, line: str, way: Direction = IN, kind: Kind = Kind.CAR) -> TrueCrossing:
    return TrueCrossing(at_s, line, way, kind)


def told(
    at_s: float,
    line: str,
    way: Direction = IN,
    kind: Kind = Kind.CAR,
    movement: Movement | None = None,
) -> Crossing:
    return Crossing(START, at_s, round(12.5 * at_s), CAMERA, line, kind, way, None, movement)


def film(*crossings: TrueCrossing, street: str = "rural") -> Reel:
    left = ((30.0, ("W", "E"), Kind.CAR), (31.0, (None, "E"), Kind.CAR))
    return Reel(Take(street, 60.0), Path("none.mp4"), crossings, left)


def by_name(films: Sequence[Counted]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(films)}


def test_who_is_on_a_line_when_the_film_begins_is_left_out_on_both_sides() -> None:
    reel = film(true(4.9, "W"), true(4.8, "E"), true(20.0, "W"))
    counted = compared(reel, [told(5.2, "W"), told(1.0, "S"), told(20.3, "W")])
    assert counted.true == counted.told == Counter({("W", IN): 1})
    assert counted.found == counted.right == 1


def test_who_walks_is_no_vehicle_and_a_vehicle_taken_for_a_walker_is_missed() -> None:
    reel = film(true(20.0, "W", kind=Kind.PEDESTRIAN), true(30.0, "W"), true(40.0, "W"))
    counted = compared(
        reel,
        [
            told(20.0, "W", kind=Kind.PEDESTRIAN),
            told(30.0, "W", kind=Kind.PEDESTRIAN),
            told(40.0, "W", kind=Kind.VAN),
        ],
    )
    assert counted.true.total() == 2
    assert counted.told.total() == 1
    assert (counted.found, counted.right) == (1, 0)


def test_errors_that_cancel_show_in_the_lines_and_not_in_the_total() -> None:
    reel = film(*(true(10.0 + at, "W") for at in range(40)))
    seen = [told(10.0 + at, "W") for at in range(38)] + [told(30.0 + at, "E") for at in range(2)]
    figures = by_name([compared(reel, seen)])
    assert figures["accuracy.film.total"].value == 0.0
    assert figures["accuracy.film.total"].passed
    assert figures["accuracy.film.lines"].value == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("counted", "passed"), [(98, True), (103, True), (96, False), (104, False)]
)
def test_more_than_three_in_a_hundred_too_many_or_too_few_is_not_passed(
    counted: int, passed: bool
) -> None:
    reel = film(*(true(10.0 + at / 4, "W") for at in range(100)))
    figures = by_name([compared(reel, [told(10.0 + at / 4, "W") for at in range(counted)])])
    assert figures["accuracy.film.total"].passed is passed
    assert figures["accuracy.film.total"].value == pytest.approx(abs(counted - 100))


def test_movements_are_of_those_who_came_in_and_left_while_they_were_filmed() -> None:
    right = compared(film(), [told(30.0, "E", OUT, movement=Movement("W", "E"))])
    assert right.true_ways == right.told_ways == Counter({("W", "E"): 1})
    wrong = compared(film(), [told(30.0, "E", OUT, movement=Movement("S", "E"))])
    assert by_name([wrong])["accuracy.film.movements"].value == pytest.approx(200.0)
    one_line = compared(film(street="motorway"), [])
    assert not one_line.true_ways, "with one line nobody's origin can be told"


def test_every_figure_is_valid_and_on_the_page() -> None:
    films = [
        Counted("rural", condition, Counter({("W", IN): 9}), Counter({("W", IN): 7}), 7, 6,
                Counter(), Counter())
        for condition in CONDITIONS
    ]  # fmt: skip
    figures = figures_of(films)
    document = record(figures)
    SCHEMA.validate(document)
    told = {figure.name: figure for figure in figures}
    assert told["accuracy.film.total"].must == "<= 3"
    assert told["accuracy.film.total"].aim == "<= 1"
    assert not told["accuracy.film.total"].passed
    assert told["accuracy.film.rain.total"].must == "", "rain is told, and nothing is demanded"
    page = accuracy_page(document)
    assert all(f"(`{name}`)" in page for name in told)


def test_it_is_one_of_accuracys_benches() -> None:
    assert "accuracy.film" in BENCHES
    assert "accuracy.film" in _meant("accuracy")


@pytest.mark.parametrize("street", VIEWS)
def test_lines_lie_in_the_picture_off_its_edge(street: str) -> None:
    take = take_of(street, "day", 1, 1.0)
    camera = Reel(take, Path("none.mp4"), (), ()).camera()
    check_picture(camera, take.width_px, take.height_px)
    assert camera.line
    assert len(camera.ground) >= 7
    for line in camera.line:
        for x_px, y_px in (line.from_px, line.to_px):
            assert 60 < x_px < take.width_px - 60
            assert 60 < y_px < take.height_px - 60


def test_a_film_is_drawn_once_with_what_sumos_own_loops_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    take = Take("junction", 24.0, width_px=320, height_px=180, fps=5.0)
    drawn = reel(take)
    with av.open(str(drawn.path)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 120

    out = [one for one in drawn.crossings if one.direction is OUT]
    fronts = [(at_s, arm, kind) for at_s, (_, arm), kind in drawn.left if at_s < 20.0]
    assert len(fronts) > 2
    for at_s, arm, kind in fronts:  # as SUMO's loops say; middles follow fronts
        assert any(
            one.line == arm and one.kind is kind and at_s <= one.media_s < at_s + 3.0 for one in out
        )
    assert {line.name for line in drawn.camera().line} == {"N", "E", "S", "W"}
    written = drawn.path.stat().st_mtime_ns
    monkeypatch.setattr(rendered, "_make", None)
    assert reel(take) == drawn
    assert drawn.path.stat().st_mtime_ns == written
    with pytest.raises(TypeError):
        reel(Take("junction", 24.0, seed=2, width_px=320, height_px=180, fps=5.0))
