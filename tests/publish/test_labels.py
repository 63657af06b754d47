"""Labels on a picture: none covers another while there is room, and each stays near."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from placewatch.publish import drawing
from placewatch.publish.labels import Label, Placed, place
from placewatch.publish.road import Shape
from placewatch.publish.watch import WatchedLine

WIDE, HIGH = 1280.0, 720.0
spots = st.tuples(st.floats(0, WIDE), st.floats(0, HIGH))


def overlap(one: Placed, other: Placed) -> bool:
    return (
        one.left < other.left + other.wide
        and other.left < one.left + one.wide
        and one.top < other.top + other.high
        and other.top < one.top + one.high
    )


@given(st.lists(spots, min_size=1, max_size=8), st.booleans())
def test_labels_do_not_cover_each_other_and_stay_on_the_picture(
    at: list[tuple[float, float]], over: bool
) -> None:
    labels = [Label(spot, 180.0, 34.0, 0.0 if over else 10.0, over) for spot in at]
    placed = place(labels, WIDE, HIGH)
    assert not any(overlap(a, b) for a, b in itertools.combinations(placed, 2))
    for label, one in zip(labels, placed, strict=True):
        assert 0.0 <= one.left <= WIDE - one.wide
        assert 0.0 <= one.top <= HIGH - one.high
        near = (
            min(max(label.at[0], one.left), one.left + one.wide),
            min(max(label.at[1], one.top), one.top + one.high),
        )
        away = math.dist(near, label.at)
        assert (one.leader is not None) == (away > label.gap + 0.9 * one.high), "and says whose"


def test_one_alone_stands_beside_its_end_and_not_on_its_line() -> None:
    label = Label((600.0, 300.0), 180.0, 34.0, 10.0)
    (beside,) = place([label], WIDE, HIGH, [((600.0, 100.0), (600.0, 300.0))])
    assert (beside.left, beside.top, beside.leader) == (610.0, 283.0, None)
    (other,) = place([label], WIDE, HIGH, [((900.0, 300.0), (600.0, 300.0))])
    assert other.left + other.wide <= 600.0, "its line comes from the right"


def test_lines_of_a_street_that_end_at_one_spot_can_all_be_read() -> None:
    names = [f"Arm {number}" for number in range(5)]
    lines = [
        WatchedLine(name, (200.0 + 30 * number, 500.0), (640.0, 360.0), (), None)
        for number, name in enumerate(names)
    ]
    area = Shape("Square", "area", ((600.0, 330.0), (700.0, 330.0), (650.0, 400.0)))
    svg = drawing.street(1280, 720, None, lines, seen=True, shapes=[area])
    for style in ("far", "near"):
        group = svg[svg.index(f'<g class="{style}">') :]
        group = group[: group.index("</g>")]
        tops = {tuple(part.split('"', 4)[1:4:2]) for part in group.split('<rect class="chip" ')[1:]}
        assert len(tops) == len(names)
        assert 'class="leader"' in group
        assert ">Square</text>" in group


def test_where_counts_would_cover_the_picture_of_a_phone_only_names_stand() -> None:
    lines = [
        WatchedLine(f"Arm {at}", (100.0 * at, 500.0), (100.0 * at + 60, 400.0), (), None)
        for at in range(9)
    ]
    words = {line.name: f"{line.name}   → 1 204   ← 980" for line in lines}
    svg = drawing.street(1280, 720, None, lines, seen=True, words=words)
    far, near = svg.split('<g class="near">')
    assert far.count("→ 1 204") == 9
    assert ">Arm 8</text>" in near
    assert "→" not in near
