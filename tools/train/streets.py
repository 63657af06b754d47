"""Streets: whole scenes seen by one fixed camera, with and without their road users."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tools.train.camera import (
    Dice,
    Layer,
    Placed,
    blurred,
    bounds,
    day,
    film,
    looking,
    night,
    photograph,
    shrunk,
    texture,
)
from tools.train.mesh import Floats, Light, Material, Mesh, Singles
from tools.train.users import model

Bytes = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

SIZES_PX = ((320, 192), (352, 288), (384, 216), (400, 224), (320, 240), (352, 198))
"""Width and height of a file's pictures: one of these, by seed."""

_SHARES = (0.26, 0.26, 0.1, 0.22, 0.06, 0.05, 0.05)
_VISIBLE_MIN = 0.35  # share of its pixels; whoever shows less is to be ignored
_CONTRAST_MIN = 3.0  # grey levels, of 255: whoever differs less from the street is to be ignored
_HEIGHT_PX_MIN = 5.0


@dataclass(slots=True, eq=False)
class Frames:
    """Scenes of one size, each with a picture now and of the empty street."""

    now: list[Bytes] = field(default_factory=list)
    background: list[Bytes] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    ignore: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Writes `now`, `background` (N, h, w) u8; `boxes` (M, 5) f32: frame, left, top, right,
        bottom px of the visible part; `kinds` (M,) i8; `ignore` (K, 5) f32 like `boxes`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            now=np.stack(self.now),
            background=np.stack(self.background),
            boxes=np.array(self.boxes, np.float32).reshape(-1, 5),
            kinds=np.array(self.kinds, np.int8),
            ignore=np.array(self.ignore, np.float32).reshape(-1, 5),
        )


def frames(seed: int, count: int) -> Frames:
    """`count` scenes, each of its own street, camera and light."""
    width, height = SIZES_PX[seed % len(SIZES_PX)]
    result = Frames()
    for number in range(count):
        dice = np.random.default_rng([seed, 2, number])
        scene = _Scene(dice, width, height)
        now, background, boxes, kinds, ignore = scene.shoot()
        result.now.append(now)
        result.background.append(background)
        result.boxes += [(number, *box) for box in boxes]
        result.kinds += kinds
        result.ignore += [(number, *box) for box in ignore]
    return result


_TILE = blurred(np.random.default_rng(11).standard_normal((512, 512)).astype(np.float32), 1.2)
_TILE /= float(_TILE.std())


def _lumps(x: Singles, y: Singles, cell_m: float, shift: float) -> Singles:
    """Noise of mean 0 and deviation 1 that lies on a plane of (x, y) metres."""
    u, v = x * (3.0 / cell_m) + shift, y * (3.0 / cell_m) + shift * 1.7
    u -= np.floor(u / 510) * 510  # `%` is many times slower
    v -= np.floor(v / 510) * 510
    return np.asarray(cv2.remap(_TILE, u, v, cv2.INTER_LINEAR), np.float32)


def _hash(cells: Singles, salt: float) -> Singles:
    """A number 0..1 for each whole number."""
    value: Singles = np.abs(np.sin(cells * 12.9898 + salt) * 43758.547) % 1.0
    return value


@dataclass(slots=True, eq=False)
class _Thing:
    """Someone or something in the scene: `kind` is -1 for what never moves."""

    kind: int
    body: Placed
    light: Light
    travel_m: float = 0.0
    absorbed: float = 0.0  # how much the background has learned of it
    ghost: bool = False  # only the background still has it


class _Scene:
    """One street, one camera, one moment."""

    def __init__(self, dice: Dice, width: int, height: int) -> None:
        self.dice, self.width, self.height = dice, width, height
        self.dark = bool(dice.random() < 0.17)
        self.light = night(dice) if self.dark else day(dice)
        self.film = film(dice, self.dark)
        self._aim()
        self._plan()
        self.scale = 2
        self.ground_x, self.ground_y, self.footprint, rays = self._look_down()
        self.lit = self._lamp_light(self.ground_x, self.ground_y)
        self.street = self._paint(rays)
        level = float(np.mean(np.sqrt(np.maximum(self.street, 0)))) ** 2
        target = float(dice.uniform(0.03, 0.12) if self.dark else dice.uniform(0.1, 0.34))
        self.film = replace(self.film, gain=min(target / max(level, 1e-4), 12.0))

    def _aim(self) -> None:
        """Puts the camera so that it looks at the road somewhere."""
        dice = self.dice
        draw = dice.random()
        pitch_deg = (
            dice.uniform(55, 90)
            if draw < 0.17
            else dice.uniform(6, 22)
            if draw < 0.6
            else dice.uniform(22, 55)
        )
        up = dice.uniform(3.0, 12.0) if pitch_deg < 55 else dice.uniform(4.0, 14.0)
        pitch = math.radians(pitch_deg)
        yaw = dice.uniform(0, 2 * math.pi)
        away = min(up / math.tan(pitch), 60.0) if pitch_deg < 89 else 0.0
        spot = (dice.uniform(-4, 4), dice.uniform(-5, 5))
        eye = np.array([spot[0] - math.cos(yaw) * away, spot[1] - math.sin(yaw) * away, up])
        angle = math.radians(dice.uniform(35, 90))
        focal = self.width / 2 / math.tan(angle / 2)
        roll = math.radians(dice.normal(0, 1.5))
        self.camera = looking(eye, yaw, pitch, roll, focal, (self.width / 2, self.height / 2))

    def _plan(self) -> None:
        dice = self.dice
        self.lane_m = float(dice.uniform(2.8, 3.7))
        self.lanes = int(dice.choice([1, 2, 2, 2, 3, 4, 4, 6]))
        self.kerb_m = self.lane_m * self.lanes / 2 + float(dice.choice([0.2, 1.6, 2.2]))
        self.walk_m = float(dice.uniform(1.5, 6.0))
        self.curve = float(dice.normal(0, 0.002)) if dice.random() < 0.5 else 0.0
        self.junction_x = float(dice.uniform(-12, 12)) if dice.random() < 0.35 else None
        self.junction_m = float(dice.uniform(3, 7))
        self.crossing_x = float(dice.uniform(-10, 10)) if dice.random() < 0.4 else None
        self.front_m = self.kerb_m + self.walk_m + float(dice.uniform(0.2, 14))
        self.side = 1.0 if dice.random() < 0.5 else -1.0  # of the road that traffic keeps to
        eye_y = self.camera.eye[1] - self.bend(float(self.camera.eye[0]))
        # The houses stand behind the camera, never in front of its lens.
        self.front_m = max(self.front_m, abs(float(eye_y)) + 1.0)
        self.lamps = [
            (float(x), float(y))
            for x in np.arange(-60, 90, dice.uniform(16, 35))
            for y in ((self.kerb_m + 0.6) * self.side,)
        ]
        self.lamp_up = float(dice.uniform(5, 9))
        self.lamp_light = float(dice.uniform(0.15, 0.8))

    def bend(self, x: float) -> float:
        """How far the middle of the road is to the left at `x`."""
        return 0.5 * self.curve * x * x

    def _look_down(self) -> tuple[Singles, Singles, Singles, Singles]:
        """Where on the ground each fine pixel looks; how large it is there, m; and its rays."""
        fine = self.camera.moved(0, 0, self.scale)
        columns = (np.arange(self.width * self.scale) + 0.5 - fine.centre_px[0]) / fine.focal_px
        rows = (np.arange(self.height * self.scale) + 0.5 - fine.centre_px[1]) / fine.focal_px
        rays = (
            columns[None, :, None] * fine.turn[0]
            + rows[:, None, None] * fine.turn[1]
            + fine.turn[2]
        ).astype(np.float32)
        down = np.minimum(rays[..., 2], -1e-3)
        reach = np.minimum(-float(fine.eye[2]) / down, 400.0)
        x, y = float(fine.eye[0]) + rays[..., 0] * reach, float(fine.eye[1]) + rays[..., 1] * reach
        footprint = reach / fine.focal_px * np.maximum(1.0, 0.4 / -down)
        return x, y, footprint, rays

    def _lamp_light(self, x: Singles, y: Singles) -> Singles:
        """Light of the street lamps on the ground at night, 0 by day."""
        result = np.zeros_like(x)
        if not self.dark:
            return result
        for lamp_x, lamp_y in self.lamps:
            square = (x - lamp_x) ** 2 + (y - lamp_y - self.bend(lamp_x)) ** 2
            result += self.lamp_light / (1 + square / self.lamp_up**2) ** 1.5
        return result

    def _paint(self, rays: Singles) -> Singles:
        """Light that comes from the empty street, (h, w) of fine pixels."""
        dice = self.dice
        x, y = self.ground_x, self.ground_y
        across = y - 0.5 * self.curve * x * x
        fade = np.clip(0.5 / self.footprint - 0.3, 0.0, 1.0)  # fine grain is lost far away
        shift = float(dice.uniform(0, 500))
        grain = _lumps(x, y, 0.15, shift) * np.clip(0.12 / self.footprint, 0, 1)
        mottle = _lumps(x, y, 1.5, shift + 31) * fade
        large = _lumps(x, y, 9.0, shift + 77)

        asphalt = dice.uniform(0.07, 0.34)
        rough = dice.uniform(0.02, 0.12)
        road = asphalt * (
            1 + rough * grain + dice.uniform(0.01, 0.1) * mottle + dice.uniform(0.02, 0.12) * large
        )
        tracks = np.cos((across / self.lane_m + (0.5 if self.lanes % 2 else 0.0)) * 4 * math.pi)
        road *= 1 + dice.uniform(-0.08, 0.08) * tracks
        for _ in range(int(dice.integers(0, 5))):  # patches of other asphalt
            px, py = dice.uniform(-30, 30), dice.uniform(-self.kerb_m, self.kerb_m)
            inside = (np.abs(x - px) < dice.uniform(0.4, 8)) & (
                np.abs(across - py) < dice.uniform(0.3, 2)
            )
            road = np.where(inside, road * dice.uniform(0.7, 1.3), road)
        if dice.random() < 0.4:  # cracks
            cracks = np.abs(_lumps(x, y, 3.5, shift + 140)) < 0.03
            road = np.where(cracks & (fade > 0.5), road * 0.7, road)
        road = self._markings(road, x, across, mottle, fade)

        slab = dice.uniform(0.12, 0.5)
        size = dice.uniform(0.4, 1.2)
        joints = ((x % size < 0.04) | (across % size < 0.04)) & (self.footprint < 0.1)
        walk = slab * (1 + 0.06 * mottle + 0.08 * large + 0.04 * grain)
        walk = np.where(joints, walk * 0.75, walk)
        grass = dice.uniform(0.05, 0.22) * (
            1 + 0.25 * _lumps(x, y, 0.4, shift + 9) * fade + 0.2 * large
        )
        beyond = grass if dice.random() < 0.5 else walk
        off = np.abs(across)
        ground = np.where(off < self.kerb_m, road, walk)
        ground = np.where(off > self.kerb_m + self.walk_m, beyond, ground)
        kerb = np.abs(off - self.kerb_m) < 0.09
        ground = np.where(kerb, dice.uniform(0.15, 0.6), ground)
        if self.junction_x is not None:
            along = np.abs(x - self.junction_x)
            in_junction = (along < self.junction_m) & (off > self.kerb_m - 0.1)
            ground = np.where(in_junction, asphalt * (1 + rough * grain + 0.08 * large), ground)
            stop = in_junction & (np.abs(off - self.kerb_m - 1.0) < 0.2)
            ground = np.where(stop, 0.65, ground)

        light = self._daylight(x, across)
        street = ground * (light + self.lit)
        self.sunlit = light
        return self._upright(street.astype(np.float32), rays, shift)

    def _markings(
        self, road: Singles, x: Singles, across: Singles, mottle: Singles, fade: Singles
    ) -> Singles:
        dice = self.dice
        white = dice.uniform(0.35, 0.9)
        worn = np.clip(0.85 + dice.uniform(0.0, 0.5) * mottle, 0.1, 1)
        line = dice.uniform(0.1, 0.2)
        dash, gap = dice.uniform(1, 4), dice.uniform(1.5, 7)
        dashed = (x % (dash + gap)) < dash
        marks = np.zeros(road.shape, bool)
        edge = self.lane_m * self.lanes / 2
        for number in range(self.lanes + 1):
            place = -edge + number * self.lane_m
            near = np.abs(across - place) < line / 2
            outer = number in (0, self.lanes)
            middle = number * 2 == self.lanes
            if outer:
                if dice.random() < 0.5:
                    marks |= near
            elif middle and dice.random() < 0.5:
                marks |= near | (np.abs(across - place - 3 * line) < line / 2)
            else:
                marks |= near & dashed
        if self.crossing_x is not None:
            zebra = (np.abs(x - self.crossing_x) < 1.8) & (np.abs(across) < self.kerb_m)
            striped = dice.random() < 0.7
            bars = (
                (across % 1.0 < 0.5)
                if striped
                else (np.abs(np.abs(x - self.crossing_x) - 1.6) < 0.12)
            )
            marks = np.where(zebra, bars, marks)
        if dice.random() < 0.4:  # arrows, letters and boxes, as blocks
            for _ in range(int(dice.integers(1, 7))):
                px = dice.uniform(-20, 20)
                py = -edge + (int(dice.integers(0, self.lanes)) + 0.5) * self.lane_m
                bar = (np.abs(x - px) < dice.uniform(0.5, 2)) & (
                    np.abs(across - py) < dice.uniform(0.08, 0.5)
                )
                marks |= bar
        if self.junction_x is not None:
            marks &= (np.abs(x - self.junction_x) > self.junction_m) | (
                np.abs(across) > self.kerb_m + 0.2
            )
        result: Singles = np.where(marks, road + (white - road) * worn, road)
        return result

    def _daylight(self, x: Singles, across: Singles) -> Singles:
        """Sun and sky on the ground, with shadows of houses and trees."""
        dice, light = self.dice, self.light
        sun = np.full(x.shape, light.sun * light.towards_sun[2], np.float32)
        if not self.dark and light.sun > 0.3:
            toward = light.towards_sun
            if dice.random() < 0.45:  # houses
                length = dice.uniform(4, 12) * abs(toward[1]) / max(toward[2], 0.2)
                sign = math.copysign(1.0, toward[1])
                edge = self.front_m - length
                notch = 1.5 * np.floor(_hash(np.floor(x / 9.0), 3.1) * 3)
                sun *= 1 - np.clip((across * sign - edge - notch) * 3, 0, 1)
            if dice.random() < 0.45:  # trees
                leaves = _lumps(x, across, dice.uniform(1.0, 5.0), float(dice.uniform(0, 400)))
                fine = _lumps(x, across, 0.5, float(dice.uniform(0, 400)))
                side = dice.choice([-1.0, 1.0])
                where = np.clip((across * side + dice.uniform(-3, 6)) / 4, -1, 1)
                sun *= 1 - np.clip((leaves + 0.5 * fine + where * 1.5 - 0.3) * 2.5, 0, 1)
        result: Singles = sun + np.float32(light.sky)
        return result

    def _upright(self, street: Singles, rays: Singles, shift: float) -> Singles:
        """Adds the sky, and house fronts or hedges on both sides."""
        dice, eye = self.dice, self.camera.eye.tolist()
        sky_level = (
            0.01 + self.light.zenith if self.dark else self.light.horizon * dice.uniform(0.5, 1.0)
        )
        above = rays[..., 2] > -0.004
        clouds = texture(dice, street.shape[0], street.shape[1], 60) * 0.06
        street = np.where(above, sky_level * (1 + clouds), street)
        for sign in (1.0, -1.0):
            plane = sign * self.front_m
            with np.errstate(divide="ignore", invalid="ignore"):
                reach = (plane - eye[1]) / rays[..., 1]
            ok = np.isfinite(reach) & (reach > 0) & (reach < 400)
            reach = np.where(ok, reach, 0)
            x = (eye[0] + rays[..., 0] * reach).astype(np.float32)
            z = (eye[2] + rays[..., 2] * reach).astype(np.float32)
            ok &= z > 0
            if self.junction_x is not None:
                ok &= np.abs(x - self.junction_x) > self.junction_m + 2
            if not ok.any():
                continue
            facing = max(0.0, -sign * self.light.towards_sun[1]) * self.light.sun
            light = self.light.sky * 0.7 + facing
            house = np.floor(x / dice.uniform(6, 16))
            if dice.random() < 0.62:
                tall = 3 + dice.uniform(2, 14) * _hash(house, shift)
                wall = 0.06 + 0.6 * _hash(house, shift + 2.0) * dice.uniform(0.5, 1.0)
                bay, storey = dice.uniform(1.4, 4.0), dice.uniform(2.6, 3.6)
                u, v = (x % bay) / bay, (z % storey) / storey
                wide, low = dice.uniform(0.2, 0.4), dice.uniform(0.15, 0.35)
                window = (np.abs(u - 0.5) < wide) & (v > low) & (v < 0.8)
                pane = _hash(np.floor(x / bay) + 57 * np.floor(z / storey), shift + 5.0)
                glass = 0.03 + 0.25 * pane**3
                wall = np.where(window, glass, wall * (1 + 0.05 * _lumps(x, z, 0.8, shift)))
                value = wall * (light + (0.12 * self.lamp_light if self.dark else 0.0))
                if self.dark:
                    value = np.where(window & (pane > 0.8), 0.15 + 0.6 * (pane - 0.8), value)
            else:
                tall = dice.uniform(0.8, 9) + 1.2 * _lumps(x, x * 0, 3.0, shift)
                leaves = _lumps(x, z, 0.6, shift) + 0.6 * _lumps(x, z, 2.0, shift + 50)
                value = 0.11 * np.exp(0.45 * leaves) * (light + 0.1 * self.lamp_light * self.dark)
            street = np.where(ok & (z < tall), value, street)
        return street.astype(np.float32)

    # Who and what is there

    def _ground_at(self, px: float, py: float) -> tuple[float, float] | None:
        """The ground seen at a pixel of the picture; nothing above the horizon or far away."""
        c = self.camera
        ray = (
            (px - c.centre_px[0]) / c.focal_px * c.turn[0]
            + (py - c.centre_px[1]) / c.focal_px * c.turn[1]
            + c.turn[2]
        )
        if ray[2] > -0.02:
            return None
        reach = -c.eye[2] / ray[2]
        return float(c.eye[0] + ray[0] * reach), float(c.eye[1] + ray[1] * reach)

    def _light_at(self, x: float, y: float) -> Light:
        """The light where someone stands: in the shade or under a lamp."""
        flat, forward = self.camera.project(np.array([x, y, 0.0]))
        if forward < 0.3:
            return self.light
        column = min(max(int(flat[0] * self.scale), 0), self.sunlit.shape[1] - 1)
        row = min(max(int(flat[1] * self.scale), 0), self.sunlit.shape[0] - 1)
        if self.dark:
            return replace(self.light, sun=self.light.sun + float(self.lit[row, column]))
        full = self.light.sun * self.light.towards_sun[2] + 1e-6
        share = (float(self.sunlit[row, column]) - self.light.sky) / full
        return replace(self.light, sun=self.light.sun * min(max(share, 0.0), 1.0))

    def _spot(self, kind: int, px: float, py: float) -> tuple[float, float, float] | None:
        """Where a kind would be, near what is seen at a pixel: x, y, heading."""
        dice = self.dice
        ground = self._ground_at(px, py)
        if ground is None:
            return None
        x, y = ground
        middle, slope = self.bend(x), math.atan(self.curve * x)
        across = y - middle
        edge = self.lane_m * self.lanes / 2
        crossing = self.junction_x is not None and abs(x - self.junction_x) < self.junction_m + 3
        if kind == 0:
            if dice.random() < 0.75 and abs(across) < self.kerb_m and self.crossing_x is None:
                across = math.copysign(self.kerb_m + dice.uniform(0.3, self.walk_m), across)
            heading = slope + (0 if dice.random() < 0.5 else math.pi) + dice.normal(0, 0.25)
            if abs(across) < self.kerb_m or dice.random() < 0.2:
                heading = slope + dice.choice([-1, 1]) * math.pi / 2 + dice.normal(0, 0.3)
            if dice.random() < 0.15:
                heading = dice.uniform(0, 2 * math.pi)
            return x, middle + across, heading
        if crossing and dice.random() < 0.5 and self.junction_x is not None:
            way = 1.0 if dice.random() < 0.5 else -1.0
            x = self.junction_x - way * self.side * self.junction_m * 0.45
            return x, y, way * math.pi / 2 + dice.normal(0, 0.2)
        lane = min(max(math.floor((across + edge) / self.lane_m), 0), self.lanes - 1)
        across = -edge + (lane + 0.5) * self.lane_m + dice.normal(0, 0.25)
        if kind == 1:
            draw = dice.random()
            if draw < 0.6:
                across = math.copysign(self.kerb_m - dice.uniform(0.4, 1.3), across or 1.0)
            elif draw < 0.75:
                across = math.copysign(self.kerb_m + dice.uniform(0.5, self.walk_m), across or 1.0)
        elif kind == 2:
            across += dice.uniform(-1.4, 1.4)
        way = 1.0 if across * self.side < 0 else -1.0
        if self.lanes == 1 or dice.random() < 0.08:
            way = dice.choice([-1.0, 1.0])
        heading = slope + (0.0 if way > 0 else math.pi) + dice.normal(0, 0.05)
        if dice.random() < 0.05:
            heading += dice.uniform(-1, 1)
        return x, middle + across, heading

    def _free(self, body: Placed, others: Sequence[Placed], gap_m: float) -> bool:
        """Whether a body keeps `gap_m` to the others, by discs along both."""
        mine, radius = _discs(body)
        for other in others:
            theirs, their_radius = _discs(other)
            far = np.hypot(
                mine[:, None, 0] - theirs[None, :, 0], mine[:, None, 1] - theirs[None, :, 1]
            )
            if float(far.min()) < radius + their_radius + gap_m:
                return False
        return True

    def _fits(self, body: Placed) -> bool:
        """Whether a body is in the picture, not too small and not too large."""
        box = bounds(self.camera.project(body.corners)[0])
        if box is None:
            return False
        if box[2] < 4 or box[0] > self.width - 4 or box[3] < 4 or box[1] > self.height - 4:
            return False
        tall, wide = box[3] - box[1], box[2] - box[0]
        return (
            tall >= _HEIGHT_PX_MIN
            and max(tall, wide) >= 6
            and tall < self.height * 0.95
            and wide < self.width * 0.9
        )

    def _things(self) -> list[_Thing]:
        dice = self.dice
        things: list[_Thing] = []
        bodies: list[Placed] = []

        def put(kind: int, x: float, y: float, heading: float, moves: bool, mesh: Mesh) -> bool:
            body = Placed.at(mesh, heading, x, y)
            if not self._free(body, bodies, 0.05 if kind < 3 else 0.3) or not self._fits(body):
                return False
            travel = 0.0
            if moves:
                travel = float(dice.exponential(0.15 if kind >= 2 else 0.04))
            bodies.append(body)
            things.append(_Thing(kind, body, self._light_at(x, y), travel))
            return True

        if dice.random() < 0.5:  # parked along the kerb
            for _ in range(int(dice.integers(1, 14))):
                ground = self._ground_at(dice.uniform(0, self.width), dice.uniform(0, self.height))
                if ground is None:
                    continue
                kind = int(dice.choice([1, 2, 3, 3, 3, 3, 3, 4, 6]))
                across = math.copysign(self.kerb_m - 1.0, ground[1])
                if kind < 3:
                    continue
                heading = 0.0 if dice.random() < 0.5 else math.pi
                x = ground[0]
                put(
                    -1,
                    x,
                    self.bend(x) + across,
                    heading + math.atan(self.curve * x),
                    False,
                    model(kind, dice),
                )
        for x, y in self._furniture():
            body = Placed.at(_post(dice, self.lamp_up), 0.0, x, y)
            if bounds(self.camera.project(body.corners)[0]) is not None:
                things.append(_Thing(-1, body, self.light))

        wanted = 1 + int(min(dice.exponential(4.0), 13))
        crowd = dice.dirichlet(np.array(_SHARES) * 5)  # some streets are full of one kind
        tries = 0
        placed = 0
        while placed < wanted and tries < wanted * 12:
            tries += 1
            kind = int(dice.choice(len(_SHARES), p=crowd))
            px, py = dice.uniform(0, self.width), dice.uniform(0, self.height * 1.1)
            spot = self._spot(kind, px, py)
            if spot is None or not put(kind, *spot, True, model(kind, dice)):
                continue
            placed += 1
            x, y, heading = spot
            if kind == 0 and dice.random() < 0.3:  # goes in company
                for number in range(int(dice.integers(1, 3))):
                    aside = (number + 1) * dice.uniform(0.5, 0.8)
                    behind = dice.normal(0, 0.3)
                    placed += put(
                        0,
                        x - math.sin(heading) * aside - math.cos(heading) * behind,
                        y + math.cos(heading) * aside - math.sin(heading) * behind,
                        heading + dice.normal(0, 0.15),
                        True,
                        model(0, dice),
                    )
            elif kind >= 3 and dice.random() < 0.35:  # stands in a queue
                back = x
                for _ in range(int(dice.integers(1, 4))):
                    other = int(dice.choice([1, 2, 3, 3, 3, 4, 5, 6]))
                    step = dice.uniform(5, 9) if other < 5 else dice.uniform(9, 15)
                    back -= math.cos(heading) * step
                    placed += put(
                        other,
                        back,
                        y - math.sin(heading) * step + dice.normal(0, 0.2),
                        heading,
                        False,
                        model(other, dice),
                    )
        for thing in things:
            if thing.kind >= 0:
                draw = dice.random()
                thing.ghost = draw < 0.03
                if 0.03 <= draw < 0.1:
                    thing.absorbed = float(dice.uniform(0.1, 0.55))
        return things

    def _furniture(self) -> list[tuple[float, float]]:
        """Where posts stand, (x, y)."""
        dice = self.dice
        spots = [(x, y + self.bend(x)) for x, y in self.lamps]
        for _ in range(int(dice.integers(0, 5))):
            x = float(dice.uniform(-25, 25))
            side = float(dice.choice([-1.0, 1.0]))
            spots.append((x, self.bend(x) + side * (self.kerb_m + float(dice.uniform(0.3, 1.5)))))
        return spots

    # The two pictures

    def shoot(
        self,
    ) -> tuple[
        Bytes,
        Bytes,
        list[tuple[float, float, float, float]],
        list[int],
        list[tuple[float, float, float, float]],
    ]:
        """The picture now, the empty street, boxes and kinds, and boxes to ignore."""
        dice = self.dice
        base = shrunk(self.film.luma(self.street), (self.width, self.height))
        if self.film.blur_px > 0.25:
            base = blurred(base, self.film.blur_px)
        things = self._things()
        things.sort(key=self._depth, reverse=True)
        shown: list[tuple[_Thing, Layer]] = []
        for thing in things:
            layer = self._layer(thing)
            if layer is not None:
                shown.append((thing, layer))
        now, empty = base, base.copy()
        now = now.copy()
        for thing, layer in shown:
            weight = 1.0 if thing.kind < 0 or thing.ghost else thing.absorbed
            _darken(empty, layer, weight)
            _darken(now, layer, 0.0 if thing.ghost else 1.0)
        owner = np.full((self.height, self.width), -1, np.int32)
        totals = []
        for number, (thing, layer) in enumerate(shown):
            weight = 1.0 if thing.kind < 0 or thing.ghost else thing.absorbed
            _lay(empty, layer, weight)
            totals.append(int(layer.mask.sum()))
            if not thing.ghost:
                _lay(now, layer, 1.0)
                _claim(owner, layer, number)
        if dice.random() < 0.12:
            now, empty, owner = self._branches(now, empty, owner)
        now_u8, empty_u8 = self._develop(now, empty)
        difference = np.abs(now_u8.astype(np.int16) - empty_u8)
        boxes, kinds, ignore = [], [], []
        for number, (thing, _) in enumerate(shown):
            if thing.kind < 0 or thing.ghost:
                continue
            mine = owner == number
            seen = int(mine.sum())
            if seen < 4:
                continue
            columns, rows = np.flatnonzero(mine.any(axis=0)), np.flatnonzero(mine.any(axis=1))
            box = (
                float(columns[0]),
                float(rows[0]),
                float(columns[-1] + 1),
                float(rows[-1] + 1),
            )
            clear = float(difference[mine].mean()) >= _CONTRAST_MIN
            if seen >= _VISIBLE_MIN * totals[number] and clear and box[3] - box[1] >= 4:
                boxes.append(box)
                kinds.append(thing.kind)
            else:
                ignore.append(box)
        return now_u8, empty_u8, boxes, kinds, ignore

    def _depth(self, thing: _Thing) -> float:
        flat = np.array([thing.body.x_m, thing.body.y_m, 0.0]) - self.camera.eye
        return float(np.hypot(flat[0], flat[1]))

    def _layer(self, thing: _Thing) -> Layer | None:
        """One thing as seen alone, cut to the surroundings of the picture."""
        box = bounds(self.camera.project(thing.body.corners)[0])
        if box is None:
            return None
        size = max(box[2] - box[0], box[3] - box[1])
        left, top, right, bottom = box
        room = 6 + 0.3 * size
        if self.light.sun > 0.25 and not self.dark:
            sun = self.light.towards_sun
            cast = thing.body.corners.copy()
            cast[..., :2] -= cast[..., 2:] * (np.array(sun[:2]) / sun[2])
            cast[..., 2] = 0.0
            spread = bounds(self.camera.project(cast)[0])
            if spread is not None:
                left, top = min(left, spread[0]), min(top, spread[1])
                right, bottom = max(right, spread[2]), max(bottom, spread[3])
        elif self.dark and thing.body.mesh.beam_m:
            room += 1.2 * size
        far = 150
        rect = (
            math.floor(max(left - room, -far)),
            math.floor(max(top - room, -far)),
            math.ceil(min(right + room, self.width + far)),
            math.ceil(min(bottom + room, self.height + far)),
        )
        if rect[2] - rect[0] < 4 or rect[3] - rect[1] < 4:
            return None
        times = min(8, max(2, round(170 / max(size, 1.0))))
        exposed = self.film
        strength = 0.85
        parked = thing.kind < 0 and self.dark
        light = replace(thing.light, head=0.0, tail=0.0) if parked else thing.light
        return photograph(
            thing.body,
            self.camera,
            light,
            exposed,
            rect,
            times,
            self.dice,
            thing.travel_m,
            strength,
        )

    def _branches(
        self, now: Singles, empty: Singles, owner: npt.NDArray[np.int32]
    ) -> tuple[Singles, Singles, npt.NDArray[np.int32]]:
        """Leaves near the camera, that sway: in both pictures, not quite in the same place."""
        dice = self.dice
        h, w = now.shape
        lumps = texture(dice, h + 8, w + 8, dice.uniform(4, 14)) + 0.7 * texture(
            dice, h + 8, w + 8, 40
        )
        rows, columns = np.mgrid[0 : h + 8, 0 : w + 8].astype(np.float32)
        corner = (dice.choice([0.0, float(w)]), 0.0)
        far = np.hypot((columns - corner[0]) / w, (rows - corner[1]) / h)
        cover = np.clip((lumps + (dice.uniform(0.15, 0.6) - far) * 14) * 3, 0, 1)
        leaf = float(np.median(now)) * dice.uniform(0.3, 0.9)
        luma = np.clip(leaf * (1 + 0.35 * texture(dice, h + 8, w + 8, 5)), 0, 1)
        sway = dice.normal(0, 1.2, 2)
        move = np.array([[1, 0, sway[0]], [0, 1, sway[1]]], np.float32)
        moved, moved_luma = (_moved(plane, move) for plane in (cover, luma))
        inner = np.s_[4 : h + 4, 4 : w + 4]
        # The background has averaged the swaying.
        soft, soft_luma = (blurred(plane, 1.2) for plane in (cover, luma))
        now = now + (moved_luma[inner] - now) * moved[inner]
        empty = empty + (soft_luma[inner] - empty) * soft[inner]
        owner = np.where(moved[inner] > 0.5, -1, owner)
        return now, empty, owner

    def _develop(self, now: Singles, empty: Singles) -> tuple[Bytes, Bytes]:
        """Noise, haze, a little shake, another exposure and compression."""
        dice = self.dice
        if dice.random() < 0.08:
            veil, share = dice.uniform(0.4, 0.8), dice.uniform(0.1, 0.5)
            now, empty = now + (veil - now) * share, empty + (veil - empty) * share
        if dice.random() < 0.25:  # the lens darkens to the corners
            rows, columns = np.mgrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j]
            fall = (1 - dice.uniform(0.05, 0.35) * (rows**2 + columns**2) / 2).astype(np.float32)
            now, empty = now * fall, empty * fall
        if dice.random() < 0.3:
            shake = dice.normal(0, 0.4, 2)
            move = np.array([[1, 0, shake[0]], [0, 1, shake[1]]], np.float32)
            now = _moved(now, move)
        if dice.random() < 0.06:
            now = now + _rain(dice, self.height, self.width)
        now = now * dice.uniform(0.93, 1.07) + dice.normal(0, 0.008)
        noise = dice.uniform(0.002, 0.02) + (dice.uniform(0, 0.03) if self.dark else 0.0)
        now = now + noise * dice.standard_normal(now.shape, dtype=np.float32)
        empty = blurred(empty, 0.35)
        empty = empty + dice.uniform(0.0, 0.008) * dice.standard_normal(
            empty.shape, dtype=np.float32
        )
        pictures = []
        quality = int(dice.integers(28, 95))
        for plane in (now, empty):
            picture = np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)
            _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            pictures.append(np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8))
            quality = max(quality, 70)
        return pictures[0], pictures[1]


def _moved(plane: Singles, move: Singles) -> Singles:
    """A picture under an affine move of the camera, its rim repeated."""
    size = (plane.shape[1], plane.shape[0])
    moved = cv2.warpAffine(plane, move, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _rain(dice: Dice, height: int, width: int) -> Singles:
    """Bright streaks of one direction."""
    drops = (dice.random((height, width)) > 0.997).astype(np.float32)
    size = int(dice.integers(5, 15))
    kernel = np.zeros((size, size), np.float32)
    lean = int(dice.integers(0, size))
    cv2.line(kernel, (lean, 0), (size // 2, size - 1), 1.0, 1)
    streaks = np.asarray(cv2.filter2D(drops, -1, kernel), np.float32)
    return streaks * np.float32(dice.uniform(0.05, 0.25))


def _discs(body: Placed) -> tuple[Floats, float]:
    """Discs along a body that cover what it takes of the ground: (N, 2) centres, radius."""
    local = body.mesh.corners.reshape(-1, 3)
    low, high = local.min(axis=0), local.max(axis=0)
    radius = float(min(high[1] - low[1], high[0] - low[0]) / 2)
    reach = max(float(high[0] - low[0]) / 2 - radius, 0.0)
    steps = max(1, math.ceil(reach / max(radius, 0.1)))
    along = (low[0] + high[0]) / 2 + np.linspace(-reach, reach, 2 * steps + 1)
    way = np.array([math.cos(body.heading_rad), math.sin(body.heading_rad)])
    return np.array([body.x_m, body.y_m]) + along[:, None] * way, radius


def _post(dice: Dice, up_m: float) -> Mesh:
    """A lamp post, a sign, a signal or a bollard."""
    mesh = Mesh()
    metal = mesh.paint(Material(float(dice.uniform(0.03, 0.5)), gloss=float(dice.uniform(0, 0.5))))
    shape = dice.random()
    if shape < 0.4:
        tip = float(dice.choice([-1.2, 1.2]))
        lamp = mesh.paint(Material(0.4, lamp="head"))
        mesh.tubes(
            [
                ((0.0, 0.0, 0.0), (0.0, 0.0, up_m), 0.09, 0.05, metal),
                ((0.0, 0.0, up_m), (0.0, tip, up_m + 0.2), 0.04, 0.04, metal),
            ]
        )
        mesh.ball((0.0, tip, up_m + 0.15), (0.15, 0.3, 0.07), lamp)
    elif shape < 0.75:
        up = float(dice.uniform(2.0, 3.2))
        board = mesh.paint(Material(float(dice.uniform(0.05, 0.9))))
        mesh.tubes([((0.0, 0.0, 0.0), (0.0, 0.0, up), 0.04, 0.04, metal)])
        half = float(dice.uniform(0.15, 0.4))
        mesh.block((-0.06, 0.06, half, half, up - 0.6), (-0.06, 0.06, half, half, up), board)
    else:
        mesh.tubes([((0.0, 0.0, 0.0), (0.0, 0.0, float(dice.uniform(0.6, 1.2))), 0.1, 0.08, metal)])
    return mesh


def _window(
    layer: Layer, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a layer meets a picture: slices of the picture and of the layer."""
    left, top, right, bottom = layer.rect
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = max(min(right, shape[1]), x0), max(min(bottom, shape[0]), y0)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def _darken(picture: Singles, layer: Layer, weight: float) -> None:
    outer, inner = _window(layer, picture.shape)
    picture[outer] *= 1 - weight * (1 - layer.shade[inner])


def _lay(picture: Singles, layer: Layer, weight: float) -> None:
    outer, inner = _window(layer, picture.shape)
    picture[outer] *= 1 - weight * layer.alpha[inner]
    picture[outer] += weight * layer.paint[inner]


def _claim(owner: npt.NDArray[np.int32], layer: Layer, number: int) -> None:
    outer, inner = _window(layer, owner.shape)
    owner[outer][layer.mask[inner]] = number
