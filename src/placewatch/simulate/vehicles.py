"""Vehicles: their bodies as a few flat faces, and the colours of their parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Kind
from placewatch.simulate.materials import Rgb
from placewatch.simulate.scenery import Light

Floats = npt.NDArray[np.float64]

SHINING = frozenset({"tail", "head"})
"""Parts that shine by themselves in the evening."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A vehicle at the origin, facing along x: faces of four corners each, inner ones first."""

    corners: Floats  # (N, 3)
    faces: npt.NDArray[np.int32]  # (F, 4)
    normals: Floats  # (F, 3)
    paints: tuple[str, ...]  # per face: a role that a look gives a colour to
    wheels: tuple[tuple[float, float, float], ...]  # x, y (outer side), radius


_CARS: tuple[Rgb, ...] = (
    (238, 239, 238),
    (34, 37, 42),
    (212, 216, 218),
    (186, 212, 232),
    (244, 176, 152),
    (232, 224, 204),
    (24, 40, 70),
    (184, 220, 204),
    (238, 194, 90),
    (214, 218, 190),
)
"""Light or nearly black: the greys between are those of the street."""
_VANS: tuple[Rgb, ...] = (
    (240, 240, 236),
    (186, 210, 230),
    (238, 198, 100),
    (226, 228, 226),
    (30, 34, 40),
)
_BUSES: tuple[Rgb, ...] = ((240, 196, 84), (168, 220, 214), (240, 234, 216), (244, 178, 158))
_BOXES: tuple[Rgb, ...] = ((196, 158, 112), (178, 140, 98))
_TRUCKS: tuple[Rgb, ...] = ((240, 238, 230), (186, 208, 230), (242, 190, 150), (226, 218, 198))

_LIT: Rgb = (236, 214, 160)  # windows that are lit inside


def roles_of(kind: Kind, look: int, braking: bool, light: Light) -> Mapping[str, Rgb]:
    """The colour of each part of a vehicle."""
    paints = {
        Kind.CAR: _CARS,
        Kind.VAN: _VANS,
        Kind.BUS: _BUSES,
        Kind.TRUCK: _TRUCKS,
        Kind.UNKNOWN: _BOXES,
    }[kind]
    body = paints[(look // 5) % len(paints)]
    load = _TRUCKS[(look // 3) % len(_TRUCKS)]
    tail: Rgb = (238, 48, 36) if braking else ((172, 40, 34) if light != "day" else (138, 36, 32))
    glass: Rgb = (36, 44, 52)
    if light != "day" and kind is Kind.BUS:
        glass = _LIT
    return {
        "body": body,
        "load": load,
        "roof": (body[0] * 0.5 + 118, body[1] * 0.5 + 118, body[2] * 0.5 + 116)
        if kind is Kind.BUS
        else body,
        "glass": glass,
        "screen": (40, 49, 57),
        "sky": (150, 168, 180),
        "under": (34, 36, 38),
        "trim": (44, 47, 50),
        "plate": (210, 208, 196),
        "tail": tail,
        "head": (255, 246, 214) if light != "day" else (232, 234, 228),
    }


class _Builder:
    """Collects the faces of one vehicle. Corners run counter-clockwise seen from outside."""

    def __init__(self) -> None:
        self.corners: list[tuple[float, float, float]] = []
        self.faces: list[tuple[int, int, int, int]] = []
        self.paints: list[str] = []
        self.wheels: list[tuple[float, float, float]] = []

    def face(self, paint: str, *corners: tuple[float, float, float]) -> None:
        first = len(self.corners)
        self.corners += corners
        self.faces.append((first, first + 1, first + 2, first + 3))
        self.paints.append(paint)

    def block(
        self,
        low: tuple[float, float, float, float, float],
        high: tuple[float, float, float, float, float],
        paints: Mapping[str, str],
    ) -> None:
        """A body between two rectangles (rear x, front x, half width behind, in front, z)."""

        def ring(r: tuple[float, float, float, float, float]) -> list[tuple[float, float, float]]:
            back, front, half_back, half_front, z = r
            return [
                (back, -half_back, z),
                (front, -half_front, z),
                (front, half_front, z),
                (back, half_back, z),
            ]

        a, b = ring(low), ring(high)
        for side, (i, j) in {
            "right": (0, 1),
            "front": (1, 2),
            "left": (2, 3),
            "rear": (3, 0),
        }.items():
            self.face(paints.get(side, paints["all"]), a[i], a[j], b[j], b[i])
        self.face(paints.get("top", paints["all"]), *b)

    def pane(self, paint: str, corners: Sequence[tuple[float, float, float]]) -> None:
        self.face(paint, corners[0], corners[1], corners[2], corners[3])

    def both_sides(
        self, paint: str, outline: Sequence[tuple[float, float]], y_low: float, y_high: float
    ) -> None:
        """A pane on either side; (x, z) of its lower rear, lower front, upper front, upper rear."""
        (ax, az), (bx, bz), (cx, cz), (dx, dz) = outline
        self.face(paint, (ax, -y_low, az), (bx, -y_low, bz), (cx, -y_high, cz), (dx, -y_high, dz))
        self.face(paint, (bx, y_low, bz), (ax, y_low, az), (dx, y_high, dz), (cx, y_high, cz))

    def wheel(self, x: float, half_m: float, radius: float) -> None:
        self.wheels += [(x, half_m, radius), (x, -half_m, radius)]

    def build(self) -> Body:
        corners = np.array(self.corners, float)
        faces = np.array(self.faces, np.int32)
        a = corners[faces[:, 1]] - corners[faces[:, 0]]
        b = corners[faces[:, 2]] - corners[faces[:, 0]]
        normals = np.cross(a, b)
        normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-9)[:, None]
        return Body(corners, faces, normals, tuple(self.paints), tuple(self.wheels))


def _car(estate: bool) -> Body:
    b = _Builder()
    b.block((-2.1, 2.1, 0.78, 0.76, 0.16), (-2.1, 2.1, 0.82, 0.80, 0.34), {"all": "under"})
    b.block((-2.2, 2.2, 0.84, 0.80, 0.30), (-2.18, 2.16, 0.89, 0.85, 0.66), {"all": "body"})
    b.block((-2.18, 2.16, 0.89, 0.85, 0.66), (-2.08, 1.95, 0.84, 0.74, 0.90), {"all": "body"})
    b.face(
        "head", (2.175, -0.80, 0.58), (2.175, -0.46, 0.58), (2.14, -0.46, 0.74), (2.10, -0.80, 0.74)
    )
    b.face("head", (2.175, 0.46, 0.58), (2.175, 0.80, 0.58), (2.10, 0.80, 0.74), (2.14, 0.46, 0.74))
    b.face(
        "trim", (2.185, -0.40, 0.42), (2.185, 0.40, 0.42), (2.175, 0.40, 0.60), (2.175, -0.40, 0.60)
    )
    b.face(
        "tail", (-2.20, 0.84, 0.62), (-2.20, 0.52, 0.62), (-2.16, 0.52, 0.80), (-2.16, 0.84, 0.80)
    )
    b.face(
        "tail",
        (-2.20, -0.52, 0.62),
        (-2.20, -0.84, 0.62),
        (-2.16, -0.84, 0.80),
        (-2.16, -0.52, 0.80),
    )
    b.face(
        "plate",
        (-2.205, 0.26, 0.48),
        (-2.205, -0.26, 0.48),
        (-2.20, -0.26, 0.60),
        (-2.20, 0.26, 0.60),
    )
    back, roof_back = (-2.02, -1.72) if estate else (-1.75, -1.05)
    b.block(
        (back, 1.00, 0.80, 0.76, 0.88),
        (roof_back, 0.22, 0.62, 0.60, 1.46),
        {"all": "body", "front": "screen", "rear": "screen"},
    )
    b.both_sides(
        "glass",
        [(back + 0.34, 0.93), (-0.30, 0.93), (-0.36, 1.38), (roof_back + 0.16, 1.38)],
        0.80,
        0.655,
    )
    b.both_sides("glass", [(-0.20, 0.93), (0.80, 0.93), (0.16, 1.38), (-0.26, 1.38)], 0.80, 0.655)
    for x in (-1.32, 1.36):
        b.wheel(x, 0.88, 0.33)
    return b.build()


def _van() -> Body:
    b = _Builder()
    b.block((-2.7, 2.6, 0.86, 0.84, 0.18), (-2.7, 2.6, 0.92, 0.90, 0.42), {"all": "under"})
    b.block((-2.8, 2.78, 0.96, 0.92, 0.36), (-2.8, 2.74, 0.99, 0.95, 1.02), {"all": "body"})
    b.block(
        (-2.8, 2.74, 0.99, 0.95, 1.02),
        (-2.78, 1.62, 0.95, 0.84, 2.22),
        {"all": "body", "front": "screen"},
    )
    b.face("body", (2.75, -0.95, 1.0), (2.75, 0.95, 1.0), (2.35, 0.92, 1.38), (2.35, -0.92, 1.38))
    b.both_sides("glass", [(1.05, 1.22), (2.22, 1.22), (1.72, 1.86), (1.05, 1.86)], 0.995, 0.925)
    b.face(
        "head", (2.80, -0.90, 0.74), (2.80, -0.56, 0.74), (2.79, -0.56, 0.94), (2.77, -0.90, 0.94)
    )
    b.face("head", (2.80, 0.56, 0.74), (2.80, 0.90, 0.74), (2.77, 0.90, 0.94), (2.79, 0.56, 0.94))
    b.face(
        "tail", (-2.81, 0.97, 0.85), (-2.81, 0.80, 0.85), (-2.81, 0.80, 1.25), (-2.81, 0.97, 1.25)
    )
    b.face(
        "tail",
        (-2.81, -0.80, 0.85),
        (-2.81, -0.97, 0.85),
        (-2.81, -0.97, 1.25),
        (-2.81, -0.80, 1.25),
    )
    b.face(
        "glass", (-2.81, 0.74, 1.30), (-2.81, 0.06, 1.30), (-2.80, 0.06, 1.90), (-2.80, 0.74, 1.90)
    )
    b.face(
        "glass",
        (-2.81, -0.06, 1.30),
        (-2.81, -0.74, 1.30),
        (-2.80, -0.74, 1.90),
        (-2.80, -0.06, 1.90),
    )
    for x in (-1.72, 1.74):
        b.wheel(x, 0.97, 0.36)
    return b.build()


def _bus() -> Body:
    b = _Builder()
    b.block((-5.6, 5.6, 1.16, 1.16, 0.22), (-5.6, 5.6, 1.2, 1.2, 0.42), {"all": "under"})
    b.block(
        (-5.75, 5.75, 1.25, 1.22, 0.36),
        (-5.75, 5.7, 1.25, 1.22, 2.82),
        {"all": "body", "top": "roof"},
    )
    b.block((-4.6, 2.6, 0.85, 0.85, 2.82), (-4.5, 2.5, 0.78, 0.78, 2.95), {"all": "roof"})
    for x in np.arange(-5.4, 5.0, 1.52):
        b.both_sides(
            "glass", [(x, 1.32), (x + 1.40, 1.32), (x + 1.40, 2.42), (x, 2.42)], 1.255, 1.255
        )
    b.face(
        "glass",
        (5.755, -1.08, 1.18),
        (5.755, 1.08, 1.18),
        (5.715, 1.08, 2.62),
        (5.715, -1.08, 2.62),
    )
    b.face(
        "glass",
        (-5.755, 1.0, 1.55),
        (-5.755, -1.0, 1.55),
        (-5.755, -1.0, 2.50),
        (-5.755, 1.0, 2.50),
    )
    b.face(
        "head", (5.76, -1.12, 0.66), (5.76, -0.72, 0.66), (5.755, -0.72, 0.90), (5.755, -1.12, 0.90)
    )
    b.face("head", (5.76, 0.72, 0.66), (5.76, 1.12, 0.66), (5.755, 1.12, 0.90), (5.755, 0.72, 0.90))
    b.face(
        "tail", (-5.76, 1.18, 0.70), (-5.76, 0.86, 0.70), (-5.76, 0.86, 1.10), (-5.76, 1.18, 1.10)
    )
    b.face(
        "tail",
        (-5.76, -0.86, 0.70),
        (-5.76, -1.18, 0.70),
        (-5.76, -1.18, 1.10),
        (-5.76, -0.86, 1.10),
    )
    for x in (-3.4, 3.0):
        b.wheel(x, 1.24, 0.48)
    return b.build()


def _truck() -> Body:
    b = _Builder()
    b.block((-4.1, 4.1, 1.0, 1.0, 0.30), (-4.1, 4.1, 1.02, 1.02, 0.92), {"all": "under"})
    b.block((2.25, 4.2, 1.15, 1.12, 0.50), (2.25, 4.16, 1.15, 1.12, 1.45), {"all": "body"})
    b.block(
        (2.25, 4.16, 1.15, 1.12, 1.45),
        (2.3, 3.72, 1.1, 1.04, 2.72),
        {"all": "body", "front": "screen"},
    )
    b.both_sides("glass", [(2.75, 1.55), (3.95, 1.55), (3.70, 2.28), (2.75, 2.28)], 1.152, 1.105)
    b.face(
        "head", (4.21, -1.08, 0.72), (4.21, -0.70, 0.72), (4.20, -0.70, 0.98), (4.20, -1.08, 0.98)
    )
    b.face("head", (4.21, 0.70, 0.72), (4.21, 1.08, 0.72), (4.20, 1.08, 0.98), (4.20, 0.70, 0.98))
    b.block((-4.2, 2.1, 1.25, 1.25, 0.95), (-4.2, 2.1, 1.25, 1.25, 3.0), {"all": "load"})
    b.both_sides("trim", [(-4.15, 0.98), (2.05, 0.98), (2.05, 1.08), (-4.15, 1.08)], 1.255, 1.255)
    b.face(
        "tail", (-4.21, 1.15, 0.66), (-4.21, 0.80, 0.66), (-4.21, 0.80, 0.88), (-4.21, 1.15, 0.88)
    )
    b.face(
        "tail",
        (-4.21, -0.80, 0.66),
        (-4.21, -1.15, 0.66),
        (-4.21, -1.15, 0.88),
        (-4.21, -0.80, 0.88),
    )
    for x in (-2.7, 3.1):
        b.wheel(x, 1.16, 0.48)
    return b.build()


def _box() -> Body:
    """A cardboard box with a tape over it."""
    b = _Builder()
    b.block((-0.3, 0.3, 0.25, 0.25, 0.0), (-0.3, 0.3, 0.25, 0.25, 0.45), {"all": "body"})
    b.face(
        "plate", (-0.3, -0.04, 0.451), (0.3, -0.04, 0.451), (0.3, 0.04, 0.451), (-0.3, 0.04, 0.451)
    )
    return b.build()


CARRIAGE_DOORS_M = (-4.5, 4.5)
"""Where a carriage has doors, from its middle."""


def _carriage() -> Body:
    """A carriage of a local train, 17 m long; the platform is as high as the ground."""
    b = _Builder()
    b.block((-8.3, 8.3, 1.2, 1.2, -0.5), (-8.4, 8.4, 1.35, 1.35, -0.1), {"all": "under"})
    b.block((-8.4, 8.4, 1.4, 1.4, -0.1), (-8.4, 8.4, 1.4, 1.4, 0.75), {"all": "load"})
    b.block((-8.4, 8.4, 1.4, 1.4, 0.75), (-8.4, 8.4, 1.38, 1.38, 2.2), {"all": "body"})
    b.block((-8.4, 8.4, 1.38, 1.38, 2.2), (-8.2, 8.2, 1.0, 1.0, 2.75), {"all": "roof"})
    for x in (-7.6, -2.6, -0.9, 0.8, 6.1):
        b.both_sides("glass", [(x, 0.95), (x + 1.5, 0.95), (x + 1.5, 1.9), (x, 1.9)], 1.41, 1.4)
    for x in CARRIAGE_DOORS_M:
        b.both_sides(
            "trim", [(x - 0.7, -0.05), (x + 0.7, -0.05), (x + 0.7, 2.05), (x - 0.7, 2.05)],
            1.41, 1.4,
        )  # fmt: skip
        for side in (-0.62, 0.06):
            b.both_sides(
                "glass",
                [(x + side, 0.9), (x + side + 0.56, 0.9), (x + side + 0.56, 1.9), (x + side, 1.9)],
                1.415,
                1.405,
            )
    return b.build()


CARRIAGE = _carriage()


def carriage_roles(light: Light) -> Mapping[str, Rgb]:
    """The colours of its parts, its doors yellow so that who sees badly finds them."""
    return {
        "body": (226, 222, 210),
        "load": (176, 62, 54),
        "roof": (150, 152, 152),
        "glass": (44, 54, 62) if light == "day" else _LIT,
        "trim": (196, 170, 92),
        "under": (52, 50, 48),
    }


BODIES: Mapping[Kind, tuple[Body, ...]] = {
    Kind.CAR: (_car(False), _car(True)),
    Kind.VAN: (_van(),),
    Kind.BUS: (_bus(),),
    Kind.TRUCK: (_truck(),),
    Kind.UNKNOWN: (_box(),),
}
