"""Meshes: bodies of road users as triangles, and a small rasteriser with a depth buffer."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Point3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface looks: diffuse `albedo` and `gloss` (reflection of the sky) are 0..1.

    `glow` is light of its own, 1 = white by day; `lamp` names the lamp it is at night.
    """

    albedo: float
    gloss: float = 0.0
    glow: float = 0.0
    lamp: str = ""


@dataclass(slots=True, eq=False)
class Mesh:
    """Triangles of a body that faces along x, stands on z = 0 and is made of materials."""

    materials: list[Material] = field(default_factory=list)
    beam_m: float = 0.0  # where the light of its headlights begins, ahead; 0 = it has none
    _corners: list[Floats] = field(default_factory=list)
    _normals: list[Floats] = field(default_factory=list)
    _paints: list[npt.NDArray[np.int32]] = field(default_factory=list)

    def paint(self, material: Material) -> int:
        """Adds a material and returns its number."""
        self.materials.append(material)
        return len(self.materials) - 1

    def add(self, corners: Floats, normals: Floats, paint: npt.NDArray[np.int32] | int) -> None:
        """(T, 3, 3) corners with a normal each, and a material for all or for each triangle."""
        self._corners.append(corners)
        self._normals.append(normals)
        self._paints.append(
            np.full(len(corners), paint, np.int32) if isinstance(paint, int) else paint
        )

    @property
    def corners(self) -> Floats:
        """(T, 3, 3) metres."""
        return np.concatenate(self._corners)

    @property
    def normals(self) -> Floats:
        """(T, 3, 3) unit vectors."""
        return np.concatenate(self._normals)

    @property
    def paints(self) -> npt.NDArray[np.int32]:
        """(T,) numbers of materials."""
        return np.concatenate(self._paints)

    def merge(self, other: "Mesh", turn_rad: float = 0.0, at: Point3 = (0.0, 0.0, 0.0)) -> None:
        """Adds another body, turned about its z axis and moved."""
        first = len(self.materials)
        self.materials += other.materials
        turn = turned(turn_rad)
        self.add(other.corners @ turn.T + at, other.normals @ turn.T, other.paints + first)

    def patch(
        self,
        corners: Sequence[Point3],
        paints: Sequence[Sequence[int]],
        us: Sequence[float] = (0.0, 1.0),
        vs: Sequence[float] = (0.0, 1.0),
        bulge: float = 0.0,
    ) -> None:
        """A bilinear patch with a grid of materials, `paints[v][u]`.

        `corners` run counter-clockwise seen from outside: (u, v) = (0,0), (1,0), (1,1), (0,1).
        `bulge` raises the middle, in metres, and bends the normals to match.
        """
        c = np.array(corners, float)
        if bulge and len(us) == 2:
            us = np.linspace(us[0], us[1], 5).tolist()
            paints = [[row[0]] * 4 for row in paints]
        if bulge and len(vs) == 2:
            vs = np.linspace(vs[0], vs[1], 4).tolist()
            paints = [list(paints[0])] * 3
        u, v = np.meshgrid(np.array(us), np.array(vs))
        grid = (
            c[0] * ((1 - u) * (1 - v))[..., None]
            + c[1] * (u * (1 - v))[..., None]
            + c[2] * (u * v)[..., None]
            + c[3] * ((1 - u) * v)[..., None]
        )
        across, along = c[1] + c[2] - c[0] - c[3], c[3] + c[2] - c[0] - c[1]
        normal = np.cross(across, along)
        size = np.linalg.norm(normal)
        if size < 1e-9:
            return
        normal /= size
        normals = np.broadcast_to(normal, grid.shape)
        if bulge:
            grid = (
                grid + normal * (bulge * (1 - (2 * u - 1) ** 2) * (1 - (2 * v - 1) ** 2))[..., None]
            )
            width, height = np.linalg.norm(across) / 2, np.linalg.norm(along) / 2
            lean = (4 * bulge * (2 * u - 1))[..., None] * across / (2 * width) / max(width, 0.1)
            rise = (4 * bulge * (2 * v - 1))[..., None] * along / (2 * height) / max(height, 0.1)
            normals = normal + lean + rise
            normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)

        def quads(values: Floats) -> Floats:
            a, b, cc, d = values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]
            return np.stack((a, b, cc, a, cc, d), axis=2).reshape(-1, 3, 3)

        rows = np.array([list(row) for row in paints], np.int32)
        self.add(quads(grid), quads(normals), np.repeat(rows.reshape(-1), 2))

    def block(
        self,
        low: tuple[float, float, float, float, float],
        high: tuple[float, float, float, float, float],
        paint: int,
        top: int | None = None,
        bulge: float = 0.0,
    ) -> None:
        """A body between two rectangles (rear x, front x, half width rear, front, z)."""
        a, b = ring(low), ring(high)
        for i, j in ((0, 1), (1, 2), (2, 3), (3, 0)):
            self.patch((a[i], a[j], b[j], b[i]), [[paint]], bulge=bulge * 0.3)
        self.patch(b, [[paint if top is None else top]], bulge=bulge)

    def tubes(
        self,
        rods: Sequence[tuple[Point3, Point3, float, float, int]],
        sides: int = 7,
    ) -> None:
        """Rounded rods from joint to joint: (start, end, radius there, radius here, material)."""
        a = np.array([rod[0] for rod in rods], float)
        b = np.array([rod[1] for rod in rods], float)
        ra = np.array([rod[2] for rod in rods])[:, None, None]
        rb = np.array([rod[3] for rod in rods])[:, None, None]
        along = b - a
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        up = np.where(np.abs(along[:, 2:3]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
        side = np.cross(along, up)
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        other = np.cross(side, along)
        angle = np.linspace(0, 2 * math.pi, sides, endpoint=False)
        round_ = (
            side[:, None] * np.cos(angle)[None, :, None]
            + other[:, None] * np.sin(angle)[None, :, None]
        )  # (K, S, 3)
        ends = along[:, None]
        rings = (
            (a[:, None] - ends * ra * 0.8 + round_ * ra * 0.45, round_ * 0.5 - ends * 0.87),
            (a[:, None] + round_ * ra, round_),
            (b[:, None] + round_ * rb, round_),
            (b[:, None] + ends * rb * 0.8 + round_ * rb * 0.45, round_ * 0.5 + ends * 0.87),
        )
        paints = np.array([rod[4] for rod in rods], np.int32)
        for (p, n), (q, m) in itertools.pairwise(rings):
            p1, q1 = np.roll(p, -1, axis=1), np.roll(q, -1, axis=1)
            n1, m1 = np.roll(n, -1, axis=1), np.roll(m, -1, axis=1)
            self.add(
                np.stack((p, p1, q1, p, q1, q), axis=2).reshape(-1, 3, 3),
                np.stack((n, n1, m1, n, m1, m), axis=2).reshape(-1, 3, 3),
                np.repeat(paints, sides * 2),
            )

    def ball(self, centre: Point3, radii: Point3, paint: int) -> None:
        """An ellipsoid."""
        scale = np.array(radii)
        normals = _BALL / scale
        normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
        self.add(_BALL * scale + centre, normals, paint)

    def hoop(
        self, centre: Point3, radius: float, thick: float, paint: int, steer_rad: float = 0.0
    ) -> None:
        """A tyre without spokes that rolls along x, turned by `steer_rad` about z."""
        turn = turned(steer_rad)
        angle = np.linspace(0, 2 * math.pi, 18)
        around = np.linspace(0, 2 * math.pi, 6)
        a, t = np.meshgrid(angle, around, indexing="ij")
        reach = radius + thick * np.cos(t)
        grid = np.stack((reach * np.cos(a), thick * np.sin(t), reach * np.sin(a)), axis=-1)
        normals = np.stack((np.cos(t) * np.cos(a), np.sin(t), np.cos(t) * np.sin(a)), axis=-1)

        def quads(values: Floats) -> Floats:
            p, q, r, s = values[:-1, :-1], values[1:, :-1], values[1:, 1:], values[:-1, 1:]
            return np.stack((p, q, r, p, r, s), axis=2).reshape(-1, 3, 3)

        self.add(quads(grid @ turn.T) + centre, quads(normals @ turn.T), paint)

    def wheel(
        self,
        centre: Point3,
        radius: float,
        width: float,
        tyre: int,
        rim: int,
        rim_share: float = 0.62,
        steer_rad: float = 0.0,
    ) -> None:
        """A full wheel about an axle along y, with a rim on both sides."""
        turn = turned(steer_rad)
        angle = np.linspace(0, 2 * math.pi, 15)
        cos, sin = np.cos(angle), np.sin(angle)
        half = width / 2
        edge = np.stack((cos * radius, np.zeros_like(cos), sin * radius), axis=1)
        tread_normals = np.stack((cos, np.zeros_like(cos), sin), axis=1)
        aside = np.array([0.0, half, 0.0])
        left, right = edge + aside, edge - aside
        p, q, r, s = left[:-1], left[1:], right[1:], right[:-1]
        corners = np.stack((p, q, r, p, r, s), axis=1).reshape(-1, 3, 3)
        n0, n1 = tread_normals[:-1], tread_normals[1:]
        normals = np.stack((n0, n1, n1, n0, n1, n0), axis=1).reshape(-1, 3, 3)
        parts = [(corners, normals, tyre)]
        for y, share, out, paint in ((half, 1.0, 0.0, tyre), (half, rim_share, 0.012, rim)):
            for sign in (1.0, -1.0):
                ringed = edge * share + (0, sign * (y + out), 0)
                hub = np.broadcast_to((0.0, sign * (y + out), 0.0), ringed[:-1].shape)
                face = np.stack((hub, ringed[:-1], ringed[1:]), axis=1)
                flat = np.broadcast_to((0.0, sign, 0.0), face.shape)
                parts.append((face, flat, paint))
        for part, normal, paint in parts:
            self.add(part @ turn.T + centre, normal @ turn.T, paint)


def ring(
    rectangle: tuple[float, float, float, float, float],
) -> tuple[Point3, Point3, Point3, Point3]:
    """Corners of (rear x, front x, half width rear, front, z), counter-clockwise from above."""
    back, front, half_back, half_front, z = rectangle
    return (
        (back, -half_back, z),
        (front, -half_front, z),
        (front, half_front, z),
        (back, half_back, z),
    )


def turned(angle_rad: float) -> Floats:
    """The rotation about the z axis."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _ball() -> Floats:
    up = np.linspace(-math.pi / 2, math.pi / 2, 7)
    around = np.linspace(0, 2 * math.pi, 11)
    u, a = np.meshgrid(up, around, indexing="ij")
    grid = np.stack((np.cos(u) * np.cos(a), np.cos(u) * np.sin(a), np.sin(u)), axis=-1)
    p, q, r, s = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    return np.stack((p, q, r, p, r, s), axis=2).reshape(-1, 3, 3)


_BALL = _ball()


@dataclass(frozen=True, slots=True)
class Light:
    """Where the light comes from, and how much: `sun` + `sky` = 1 on a bright day."""

    towards_sun: Point3
    sun: float
    sky: float
    zenith: float  # luma of the sky straight above, 0..1, as mirrored in glass
    horizon: float
    ground: float
    night: bool
    head: float = 0.0  # luma of lamps that are lit
    tail: float = 0.0


def shade(mesh: Mesh, corners: Floats, normals: Floats, eye: Floats, light: Light) -> Singles:
    """(T, 3) luma 0..1 and above of the corners of a placed mesh seen from `eye`.

    Lambert, a sky that darkens downwards, and mirrored sky with Schlick's Fresnel term (1994).
    """
    paints = mesh.paints
    albedo = np.array([m.albedo for m in mesh.materials])[paints][:, None]
    gloss = np.array([m.gloss for m in mesh.materials])[paints][:, None]
    glow = np.array(
        [
            m.glow + (light.head if m.lamp == "head" else light.tail if m.lamp == "tail" else 0.0)
            for m in mesh.materials
        ]
    )[paints][:, None]
    look = corners - eye
    look /= np.maximum(np.linalg.norm(look, axis=-1, keepdims=True), 1e-6)
    facing = np.sum(look * normals, axis=-1)
    normals = np.where(facing[..., None] > 0, -normals, normals)
    facing = -np.abs(facing)
    sunny = np.maximum(normals @ np.array(light.towards_sun), 0.0)
    sky = 0.62 + 0.38 * normals[..., 2]
    near_ground = np.clip(0.55 + corners[..., 2] * 0.5, 0.0, 1.0)
    diffuse = albedo * (light.sun * sunny + light.sky * sky * near_ground)
    back = look - 2 * facing[..., None] * normals
    mirrored = back[..., 2]
    above = np.clip(mirrored * 6 + 0.5, 0, 1)
    seen = (
        above * (light.horizon + (light.zenith - light.horizon) * np.clip(mirrored, 0, 1))
        + (1 - above) * light.ground
    )
    fresnel = gloss * (0.05 + 0.95 * (1 + facing) ** 5) + 0.05 * gloss**2
    glint = np.maximum(back @ np.array(light.towards_sun), 0.0) ** 60 * gloss * light.sun * 2.5
    return np.asarray(diffuse + fresnel * seen + glint + glow, np.float32)


@numba.njit(cache=True, nogil=True)
def fill(
    xy: Singles,
    near: Singles,
    luma: Singles,
    depth: Singles,
    picture: Singles,
) -> None:
    """Draws triangles (T, 3, 2) px into `picture`; `near` (T, 3) is 1 / distance, larger wins."""
    height, width = depth.shape
    for t in range(len(xy)):
        x0, y0, x1, y1, x2, y2 = (
            xy[t, 0, 0],
            xy[t, 0, 1],
            xy[t, 1, 0],
            xy[t, 1, 1],
            xy[t, 2, 0],
            xy[t, 2, 1],
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-6:
            continue
        left = max(0, math.ceil(min(x0, x1, x2) - 0.5))
        right = min(width - 1, math.floor(max(x0, x1, x2) - 0.5))
        top = max(0, math.ceil(min(y0, y1, y2) - 0.5))
        bottom = min(height - 1, math.floor(max(y0, y1, y2) - 0.5))
        for y in range(top, bottom + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                a = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                b = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                c = 1.0 - a - b
                if a < 0 or b < 0 or c < 0:
                    continue
                z = a * near[t, 0] + b * near[t, 1] + c * near[t, 2]
                if z > depth[y, x]:
                    depth[y, x] = z
                    picture[y, x] = a * luma[t, 0] + b * luma[t, 1] + c * luma[t, 2]


@numba.njit(cache=True, nogil=True)
def cover(xy: Singles, mask: npt.NDArray[np.uint8]) -> None:
    """Sets `mask` to 255 under triangles (T, 3, 2) px."""
    height, width = mask.shape
    for t in range(len(xy)):
        x0, y0, x1, y1, x2, y2 = (
            xy[t, 0, 0],
            xy[t, 0, 1],
            xy[t, 1, 0],
            xy[t, 1, 1],
            xy[t, 2, 0],
            xy[t, 2, 1],
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-6:
            continue
        left = max(0, math.ceil(min(x0, x1, x2) - 0.5))
        right = min(width - 1, math.floor(max(x0, x1, x2) - 0.5))
        top = max(0, math.ceil(min(y0, y1, y2) - 0.5))
        bottom = min(height - 1, math.floor(max(y0, y1, y2) - 0.5))
        for y in range(top, bottom + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                a = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                b = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                if a >= 0 and b >= 0 and a + b <= 1:
                    mask[y, x] = 255
