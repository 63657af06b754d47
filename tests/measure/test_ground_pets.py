"""A real camera (PETS 2009, view 1, Tsai's calibration), with the lens that a plane ignores."""

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.core.errors import Misconfigured
from placewatch.measure.ground import Ground

CALIBRATION = Path(__file__).parents[2] / "../shared/data/tracks/pets-s2l1/View_001.xml"

Floats = npt.NDArray[np.float64]


def look(metres: Floats) -> Floats:
    """Where the camera sees points of the ground, by Tsai's model (Tsai 1987)."""
    parts = {part.tag: part.attrib for part in ElementTree.parse(CALIBRATION).getroot()}
    of = {
        name: float(value)
        for attributes in (parts["Geometry"], parts["Intrinsic"], parts["Extrinsic"])
        for name, value in attributes.items()
    }
    (sa, sb, sg), (ca, cb, cg) = (
        [turn(of[axis]) for axis in ("rx", "ry", "rz")] for turn in (math.sin, math.cos)
    )
    turned = np.array(
        [
            [cb * cg, cg * sa * sb - ca * sg, sa * sg + ca * cg * sb],
            [cb * sg, sa * sb * sg + ca * cg, ca * sb * sg - cg * sa],
            [-sb, cb * sa, ca * cb],
        ]
    )
    millimetres = np.column_stack([1000 * metres, np.zeros(len(metres))])
    seen = millimetres @ turned.T + [of["tx"], of["ty"], of["tz"]]
    flat = of["focal"] * seen[:, :2] / seen[:, 2:]
    bent: Floats = flat.copy()
    for _ in range(50):
        bent = flat / (1 + of["kappa1"] * (bent**2).sum(axis=1, keepdims=True))
    pixels: Floats = bent * [of["sx"] / of["dpx"], 1 / of["dpy"]] + [of["cx"], of["cy"]]
    return pixels


@pytest.mark.parametrize(("points", "error_m"), [(4, 0.6), (8, 0.3)])
def test_a_real_view_is_placed_within_decimetres(points: int, error_m: float) -> None:
    """The median of 40 choices of points, over the 40 x 36 m that the camera sees."""
    if not CALIBRATION.exists():
        pytest.skip(f"no calibration in {CALIBRATION}")
    dice = np.random.default_rng(0)
    street = np.array([[x, y] for x in range(-20, 21, 2) for y in range(-20, 21, 2)], float)
    picture = look(street)
    inside = ((picture > 0) & (picture < [768, 576])).all(axis=1)
    street, picture = street[inside], picture[inside]
    assert len(street) > 200
    errors, told = [], []
    for _ in range(40):
        chosen = dice.choice(len(street), points, replace=False)
        try:
            ground = Ground.fit(picture[chosen], street[chosen])
        except Misconfigured:
            continue  # chance chose three in line
        off_m = np.hypot(*(ground.metres_of(picture) - street).T)
        errors.append(math.sqrt(float(np.nanmean(off_m**2))))
        told.append(ground.error_m_rms)
    assert len(errors) >= 30
    assert np.median(errors) < error_m
    if points > 4:
        known = [error for error in told if error is not None]
        assert 0.5 < np.median(known) / np.median(errors) < 2.0
