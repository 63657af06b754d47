"""Report: the page that says what was seen, from numbers and an empty street alone."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from PIL import Image

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import CameraHealth, Conflict, Crossing
from placewatch.core.ids import CameraId
from placewatch.core.kinds import ConflictType, Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.publish import drawing
from placewatch.publish.report import page, write_report
from placewatch.publish.road import Shape
from placewatch.publish.watch import WatchedLine, WatchSummary

CAMERA = CameraId("street")
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The page's tags, with every open one closed in order, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + " "


def jpeg(grey: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 18), (grey, grey, grey)).save(stream, "JPEG")
    return stream.getvalue()


def crossing(at_s: float, kind: Kind, speed_m_s: float | None = None) -> Crossing:
    way = Direction.LEFT_TO_RIGHT
    return Crossing(UtcMicros(0), at_s, round(25 * at_s), CAMERA, "Gate", kind, way, speed_m_s)


def street(*crossings: Crossing, **changes: Any) -> WatchSummary:
    """A minute of a street with one line; ten seconds of it were not seen."""
    known: dict[str, Any] = {
        "source": "/home/ada/street.mp4",
        "width_px": 640,
        "height_px": 360,
        "fps": 25.0,
        "detector": "motion",
        "lines": (WatchedLine("Gate", (0, 100), (640, 100), crossings),),
        "health": CameraHealth(UtcMicros(0), 60.0, 50.0, CAMERA, 1250, 0, 0, 0, 1, 0, 0.0),
        "cpu_s": 1.2,
        "decode_cpu_s": 1.0,
        "wall_s": 2.0,
        "unseen_s": ((20.0, 30.0),),
        "backdrop_jpeg": jpeg(140),
        "density": [[0.0, 1.0], [2.0, 0.0]],
    }
    return WatchSummary(**{**known, **changes})


def test_the_page_says_what_was_watched_and_how_much_of_it_was_seen() -> None:
    read = Page(page(street(crossing(1.0, Kind.CAR))))
    assert "street.mp4" in read.text
    assert "1 min of a street were watched; 50 s of it (83 %) could be seen." in read.text
    assert "Gate was crossed 1 time." in read.text
    assert "/home/ada" not in read.text


def test_the_page_asks_nobody_for_anything_and_runs_nothing() -> None:
    html = page(street(crossing(1.0, Kind.CAR, 12.0), calibrated=True))
    for tag, attributes in Page(html).tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"src", "href", "xlink:href", "action"}:
                assert str(value).startswith(("data:image/", "#"))
    assert not re.search(r"url\(|@import", html)
    assert "default-src 'none'" in html


def test_the_only_pictures_are_the_empty_street_and_the_drawn_density() -> None:
    summary = street(crossing(1.0, Kind.CAR))
    pictures = re.findall(r"data:image/(\w+);base64,([A-Za-z0-9+/=]+)", page(summary))
    assert [kind for kind, _ in pictures] == ["jpeg", "png"]
    assert base64.b64decode(pictures[0][1]) == summary.backdrop_jpeg
    assert base64.b64decode(pictures[1][1]) == drawing.heat_png(summary.density)


def test_nothing_seen_is_told_as_unknown_and_never_as_zero() -> None:
    blind = CameraHealth(UtcMicros(0), 60.0, 0.0, CAMERA, 0, 0, 0, 0, 1, 1, 0.0)
    read = Page(page(street(health=blind, unseen_s=((0.0, 60.0),), density=(), backdrop_jpeg=None)))
    assert "nothing of it could be seen" in read.text
    assert "Gate: not seen" in read.text
    assert "Nobody crossed" not in read.text
    assert "Crossings every" not in read.text


def test_a_street_where_nobody_passed_is_told_as_zero() -> None:
    assert "Nobody crossed Gate." in Page(page(street())).text


def test_without_a_line_the_page_shows_where_road_users_moved_and_how_to_draw_one() -> None:
    read = Page(page(street(lines=())))
    assert "--line NAME=x1,y1,x2,y2" in read.text
    assert "Where road users were" in read.text


def test_without_calibration_the_page_says_how_to_get_speeds() -> None:
    assert "at least four points" in Page(page(street(crossing(1.0, Kind.CAR)))).text


def test_speeds_are_told_in_km_h_with_their_interval() -> None:
    cars = [crossing(float(i), Kind.CAR, 10.0 + i % 2) for i in range(10)]
    text = Page(page(street(*cars, calibrated=True))).text
    assert "mean 38 ± 1 km/h of 10" in text
    assert "V85 40" in text


def test_conflicts_that_were_asked_for_are_listed_with_whose_definitions_they_are() -> None:
    met = Conflict(
        UtcMicros(0), 900.0, CAMERA, 12.5, -3.0, Kind.CAR, Kind.BICYCLE, ConflictType.CROSSING,
        1.2, None, None, 6.0, 9.0, None, 3.0, 2,
    )  # fmt: skip
    told = Page(page(street(conflicts=(met,) * 12, conflicts_by="ssam"))).text
    assert "12 conflicts. Definitions: those of SSAM 3.0. The 10 gravest are listed." in told
    assert told.count("12.5") == 10
    assert "Who nearly met" not in Page(page(street())).text


def test_names_cannot_break_out_of_the_text() -> None:
    nasty = '<script>alert("x")</script>&'
    line = WatchedLine(nasty, (0, 1), (2, 3))
    read = Page(page(street(lines=(line,), source=nasty, detector=nasty)))
    assert "script" not in [tag for tag, _ in read.tags]
    assert nasty in read.text


def test_a_long_watch_shows_the_first_crossings_and_says_that_there_are_more() -> None:
    html = page(street(*[crossing(i / 1000, Kind.CAR) for i in range(2500)]))
    assert "2\u202f500 crossings, one by one" in html
    assert html.count("<tr><td") == 2000 + 1  # and the second way of the table of counts


def test_a_camera_watched_for_hours_shows_the_time_of_day() -> None:
    hours = CameraHealth(
        UtcMicros(8 * 3_600_000_000 + 120_000_000), 7200.0, 7200.0, CAMERA, 1, 0, 0, 0, 0, 0, 0.0
    )
    live = street(crossing(1.0, Kind.CAR), source="rtsp://10.0.0.1/a", health=hours, unseen_s=())
    assert "every 5 min, UTC" in page(live)
    assert re.findall(r">(\d\d:\d\d)</text>", page(live))[:3] == ["08:15", "08:30", "08:45"]


@settings(max_examples=30)
@given(
    duration_s=st.floats(0.04, 2e6),
    share=st.floats(0, 1),
    at=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(Kind), st.none() | st.floats(0, 60)), max_size=12
    ),
    unseen=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
    calibrated=st.booleans(),
    backdrop=st.booleans(),
    density=st.lists(st.lists(st.floats(0, 1e6), min_size=3, max_size=3), max_size=3),
    number_of_lines=st.integers(0, 3),
)
def test_every_street_makes_a_whole_page(
    duration_s: float,
    share: float,
    at: list[tuple[float, Kind, float | None]],
    unseen: list[tuple[float, float]],
    calibrated: bool,
    backdrop: bool,
    density: list[list[float]],
    number_of_lines: int,
) -> None:
    crossings = tuple(crossing(part * duration_s, kind, speed) for part, kind, speed in at)
    lines = [WatchedLine("Gate", (0, 100), (640, 100), crossings)]
    lines += [WatchedLine(f"Gate {i}", (10, 10), (10, 400)) for i in range(number_of_lines)]
    summary = street(
        lines=tuple(lines[:number_of_lines]),
        health=CameraHealth(
            UtcMicros(0), duration_s, share * duration_s, CAMERA, 9, 1, 2, 3, 4, 5, 6.0
        ),
        unseen_s=tuple((min(a, b) * duration_s, max(a, b) * duration_s) for a, b in unseen),
        calibrated=calibrated,
        backdrop_jpeg=jpeg(90) if backdrop else None,
        density=density,
    )
    html = page(summary)
    Page(html)
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"base64,[^\"]*", "", html))


@given(
    duration_s=st.floats(0.1, 1e7),
    at=st.lists(st.floats(0, 1), max_size=300),
    unseen=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
)
def test_the_profile_holds_every_crossing_once_and_all_of_the_time(
    duration_s: float, at: list[float], unseen: list[tuple[float, float]]
) -> None:
    crossings = [crossing(part * duration_s, Kind.CAR) for part in at]
    unseen_s = [(min(a, b) * duration_s, max(a, b) * duration_s) for a, b in unseen]
    steps = drawing.bins(crossings, duration_s, unseen_s)
    assert sum(step.total for step in steps) == len(crossings)
    assert len(steps) <= drawing.BINS_MAX
    assert steps[0].start_s == 0
    assert steps[-1].end_s == pytest.approx(duration_s)
    for step in steps:
        for since_s, until_s in step.seen_s:
            assert step.start_s <= since_s < until_s <= step.end_s
            middle_s = (since_s + until_s) / 2
            assert not any(a < middle_s < b for a, b in unseen_s)


def test_a_bin_that_was_not_seen_has_no_bar_and_no_base_line() -> None:
    steps = drawing.bins([], 60.0, [(0.0, 30.0)])
    assert [bool(step.seen_s) for step in steps].count(False) == len(steps) // 2
    chart = drawing.profile(steps, [(0.0, 30.0)], str)
    middle = (34 + 752) / 2
    starts = [float(x) for x in re.findall(r'class="base" d="M([\d.]+)', chart)]
    assert min(starts) >= middle - 0.1
    assert chart.count('class="unseen"') == 1


@given(st.lists(st.floats(0, 300), min_size=1, max_size=80))
def test_the_histogram_holds_every_speed_once(speeds: list[float]) -> None:
    chart = drawing.speed_histogram(speeds, sum(speeds) / len(speeds), None)
    assert sum(int(n) for n in re.findall(r"km/h: (\d+)<", chart)) == len(speeds)


def test_where_nobody_was_the_density_lets_the_street_through() -> None:
    assert max(opacity([[0.0, 0.0], [0.0, 0.0]])) == 0
    busy = opacity([[0.0] * 8, [0.0] * 7 + [5.0]])
    assert busy[0] == 0
    assert busy[-1] > 200


def opacity(density: list[list[float]]) -> bytes:
    return Image.open(io.BytesIO(drawing.heat_png(density))).getchannel("A").tobytes()


def test_the_report_is_written_whole_and_alone(tmp_path: Path) -> None:
    path = write_report(street(), tmp_path / "out")
    assert path == tmp_path / "out" / "report.html"
    assert path.read_text("utf-8") == page(street())
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_file_where_the_folder_should_be_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(Misconfigured, match="cannot write"):
        write_report(street(), tmp_path / "out")


def test_pixels_can_be_read_at_the_edges_of_the_picture_that_was_watched() -> None:
    html = page(street(measured_in_px=True))
    ticks = [int(x) for x in re.findall(r'<text class="tick[^>]*>(\d+)</text>', html)]
    assert ticks == [100, 200, 300, 400, 500, 600, 100, 200, 300]
    assert 'x="600"' in html
    assert "as settings and --line ask for them" in html
    assert 'class="tick' not in page(street()), "a plan of recorded tracks has other numbers"


def test_what_is_drawn_of_the_road_is_on_the_picture() -> None:
    corners = ((100.0, 300.0), (200.0, 300.0), (190.0, 100.0), (110.0, 100.0))
    drawn = (Shape("<North>", "approach", corners), Shape("Mill Road", "carriageway", corners))
    html = page(street(shapes=drawn))
    outline = 'points="100.0,300.0 200.0,300.0 190.0,100.0 110.0,100.0"'
    for sort, name in (("approach", "&lt;North&gt;"), ("carriageway", "Mill Road")):
        polygon = html.index(f'<polygon class="shape {sort}"')
        assert outline in html[polygon : polygon + 200]
        assert f"<title>{sort}: {name}</title>" in html
    Page(html)


def test_the_page_says_what_files_call_the_arrows() -> None:
    html = page(street(crossing(1.0, Kind.CAR)))
    assert 'title="left_to_right in files">↓<span class="far">&nbsp;down</span></td>' in html
    assert "the first way of a line here is left_to_right" in html
