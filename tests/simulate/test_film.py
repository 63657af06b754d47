"""Films of simulated streets: a real encoder, and who is drawn stands where the truth says."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from placewatch.core.errors import Misconfigured
from placewatch.simulate.asked import film_of
from placewatch.simulate.command import simulate_street
from placewatch.simulate.film import pictures
from placewatch.simulate.folder import Film, simulate_to
from placewatch.simulate.poses import camera_at
from placewatch.simulate.roads import view_of
from placewatch.simulate.streets import SIMULATED, street_named
from placewatch.simulate.sumo import SumoRun, build_network

pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")


def test_a_film_is_what_an_ip_camera_sends(tmp_path: Path) -> None:
    out = tmp_path / "sim"
    simulate_to(out, street_named("rural"), 4.0, film=Film(320, 180, 12.5))
    with av.open(str(out / "film.mp4")) as film:
        (stream,) = film.streams.video
        frames = [frame for frame in film.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.average_rate == Fraction(25, 2)
        assert (frames[0].width, frames[0].height) == (320, 180)
        assert not stream.codec_context.has_b_frames
    assert len(frames) == 50
    assert [frame.key_frame for frame in frames[:26]].count(True) == 2


def test_who_is_drawn_stands_where_the_simulation_says() -> None:
    """Between two pictures the sky and the grass stay; what changes lies on who moves."""
    street = street_named("junction")
    camera = camera_at(street, "roof", 640, 360)
    with SumoRun(street, 1.0, seed=1, step_s=0.2, warm_s=120.0) as run:
        pieces = list(run)
        drawn = [picture.astype(int) for _, picture in pictures(run, pieces, camera, 5.0)]
    changed = np.abs(drawn[-1] - drawn[0]).max(axis=2) > 40
    assert changed.sum() > 100
    near = np.zeros_like(changed)
    lengths = run.everybody.lengths_m()
    for piece in pieces:
        x_m, y_m = piece.middles_m(lengths)
        metres = np.column_stack([x_m, y_m, np.full(len(x_m), 0.8)])
        ahead = camera.view(metres)[:, 2] > 5.0
        for x, y in camera.project(metres[ahead]):
            left, top = max(0, int(x) - 40), max(0, int(y) - 40)
            near[top : max(0, int(y) + 40), left : max(0, int(x) + 40)] = True
    assert changed[near].sum() > 0.99 * changed.sum()


@pytest.mark.parametrize("name", SIMULATED)
def test_every_street_can_be_painted(name: str, tmp_path: Path) -> None:
    street = street_named(name)
    view = view_of(street, build_network(street, tmp_path))
    assert len(view.surfaces) >= 4
    assert view.paints
    assert all(len(surface.corners) >= 3 for surface in view.surfaces)


@pytest.mark.parametrize(
    ("size", "fps", "light", "why"),
    [
        ("1280*720", 25.0, "day", "cannot be encoded"),
        ("641x360", 25.0, "day", "cannot be encoded"),
        ("640x360", 0.5, "day", "cannot be drawn"),
        ("640x360", 30.0, "day", "no whole milliseconds"),
        ("640x360", 25.0, "noon", "noon"),
    ],
)
def test_a_film_that_cannot_be_is_refused(size: str, fps: float, light: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        film_of(size, fps, light)


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_hours_that_cannot_be_simulated_are_refused(hours: float, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be simulated"):
        simulate_street("rural", tmp_path / "out", hours, 1, "roof")
    assert not (tmp_path / "out").exists()
