"""Outdoors: a street as a camera sees it in all lights and weathers.

How this works. The street is drawn as `drawing` does. Before road users are drawn the ground gets
what they throw on it: shadows where the sun shines, the light of their lamps where it is dark, and
their mirror image where it is wet. Who moves while the shutter is open is drawn several times and
averaged. Over the whole lie the glare of what is too bright for the lens, the veil of the rain, and
the rain itself.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Kind
from placewatch.simulate.conditions import Conditions
from placewatch.simulate.drawing import Artist, Cast, Floats, Picture, Rgb, disc, turned
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.rain import Rain
from placewatch.simulate.scenery import View, paint
from placewatch.simulate.traffic import SIZES, RoadUser
from placewatch.simulate.vehicles import BODIES, roles_of

Singles = npt.NDArray[np.float32]

_SHIFT = 4
_SHADE = (
    0.56,
    0.53,
    0.45,
)  # of the light that a shadow takes: less of the blue, which the sky gives
_STEP_PX = 1.5  # who moves by more while the shutter is open is smeared
_STEPS_MAX = 10
_SMALL = 4  # lights are spread on a picture so many times smaller
_BEAM_M = (0.3, 30.0, 6.5)  # begins and ends before the bumper, and reaches to either side
_BEAM_STEP_M = 0.25
_BEAM_RGB = (1.0, 0.95, 0.84)
_HEAD: Rgb = (255.0, 246.0, 226.0)
_TAIL: Rgb = (238.0, 34.0, 24.0)
_GLARE_FROM = 226
_MIRROR = 0.55  # of a body's light comes back from wet asphalt, seen flat
_WHEELS = frozenset({Kind.CAR, Kind.VAN, Kind.BUS, Kind.TRUCK, Kind.MOTORCYCLE})


class Outdoors(Artist):
    """Draws a street in some conditions into one camera's pictures, `fps` of them a second."""

    def __init__(
        self, view: View, camera: Pinhole, conditions: Conditions, fps: float, seed: int = 1
    ) -> None:
        scenery = paint(view, camera, conditions.light, conditions.weather)
        super().__init__(view, camera, conditions.light, scenery)
        self._conditions, self._fps = conditions, fps
        self._sunny, self._lit = conditions.sunny, conditions.driven_with_light
        self._shutter_s = conditions.exposure_s(fps)
        height, width = scenery.depth_m.shape
        self._shaded = np.zeros((height, width), np.uint8)
        self._ground = (scenery.albedo.max(axis=2) > 0).astype(np.uint8) * 255
        self._small = (-(-width // _SMALL), -(-height // _SMALL))
        self._beams: Singles | None = None  # light of lamps on the ground of this picture
        self._rain = Rain(camera, scenery, conditions, self._shutter_s, seed)

    def draw(
        self, traffic: Cast, media_s: float, carriages_m: Sequence[tuple[float, float]] = ()
    ) -> Picture:
        """The street at `media_s`, (H, W, 3) without noise; the carriages of a train, by the
        middles of their floors, are behind everybody."""
        canvas: Picture = self._scenery.rgb.copy()
        self._signals(canvas, traffic, media_s)
        self._carriages(canvas, carriages_m)
        shown = self._shown(traffic.at(media_s))
        if self._conditions.wet:
            for user, foot in shown:
                self._mirror(canvas, user, float(foot[2]))
        if self._conditions.sunny:
            self._cast(canvas, [user for user, _ in shown])
        if self._conditions.driven_with_light:
            self._light_up(canvas, [user for user, _ in shown])
        for user, _ in shown:
            self._shadow(canvas, user)
        for user, foot in shown:
            self._smeared(canvas, user, float(foot[2]))
        if self._conditions.driven_with_light:
            self._glare(canvas)
        if self._conditions.wet:
            self._rain.fall(canvas, round(media_s * self._fps))
        return canvas

    # Shadows

    def _cast(self, canvas: Picture, users: Sequence[RoadUser]) -> None:
        """The shadows that the sun casts. Where two fall, it is no darker than where one does."""
        windows = []
        for user in users:
            seen = self._camera.view(_shadow_of(user, self._sun))
            if seen[:, 2].min() < 0.8:
                continue
            flat = self._camera.flatten(seen)
            window = self._window(flat, 3)
            if window is None:
                continue
            hull = cv2.convexHull(np.rint(flat * (1 << _SHIFT)).astype(np.int32))
            cv2.fillConvexPoly(self._shaded, hull, 255, cv2.LINE_AA, _SHIFT)
            windows.append(window)
        for x0, y0, x1, y1 in windows:
            area = np.s_[y0:y1, x0:x1]
            dark = cv2.bitwise_and(self._shaded[area], self._ground[area])
            self._shaded[area] = 0
            dark = cv2.blur(dark, (3, 3))
            keep = cv2.merge([cv2.LUT(dark, table) for table in _KEEP])
            patch = canvas[area]
            cv2.multiply(patch, keep, dst=patch, scale=1 / 255)

    # Lights

    def _light_up(self, canvas: Picture, users: Sequence[RoadUser]) -> None:
        """Lays the light of lamps on the ground: beams in the dark, streaks in the wet."""
        width, height = self._small
        self._beams = None
        if self._conditions.dark:
            beams = np.zeros((height, width), np.float32)
            for user in users:
                if user.kind in _WHEELS:
                    self._beam(beams, user)
            if beams.any():
                self._beams = beams
                self._add_beams(canvas, beams)
        if self._conditions.wet:
            shine = np.zeros((height, width, 3), np.float32)
            for user in users:
                self._streaks(shine, user)
            if shine.any():
                self._add_shine(canvas, shine)

    def _beam(self, beams: Singles, user: RoadUser) -> None:
        near, far, aside = _BEAM_M
        front = SIZES[user.kind].length_m / 2
        for reach in (far, far / 2, far / 4):
            corners = [
                (front + near, aside, 0.0), (front + reach, aside, 0.0),
                (front + reach, -aside, 0.0), (front + near, -aside, 0.0),
            ]  # fmt: skip
            seen = self._camera.view(turned(np.array(corners), user))
            if seen[:, 2].min() > 1.5:
                break
        else:
            return
        flat = self._camera.flatten(seen) / _SMALL
        height, width = beams.shape
        x0, y0 = max(0, int(flat[:, 0].min())), max(0, int(flat[:, 1].min()))
        x1, y1 = min(width, int(flat[:, 0].max()) + 2), min(height, int(flat[:, 1].max()) + 2)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        texture = _BEAM[:, : round((reach - near) / _BEAM_STEP_M)]
        rows, columns = texture.shape
        source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
        warp = cv2.getPerspectiveTransform(source, (flat - (x0, y0)).astype(np.float32))
        lit = cv2.warpPerspective(texture, warp, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        beams[y0:y1, x0:x1] += lit * (0.5 if user.kind is Kind.MOTORCYCLE else 1.0)

    def _add_beams(self, canvas: Picture, beams: Singles) -> None:
        small = np.minimum(beams, 1.3) * np.float32(196)
        x, y, wide, tall = cv2.boundingRect((small > 2).astype(np.uint8))
        if not wide:
            return
        area = self._area(x, y, wide, tall)
        patch, albedo = canvas[area], self._scenery.albedo[area]
        part = small[y : y + tall, x : x + wide]
        light = cv2.merge([(part * share).astype(np.uint8) for share in _BEAM_RGB])
        light = cv2.resize(light, patch.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        cv2.add(patch, cv2.multiply(light, albedo, scale=1 / 255), dst=patch)

    def _streaks(self, shine: Singles, user: RoadUser) -> None:
        """What a vehicle's lamps throw on wet ground: long streaks below their mirror images."""
        if user.kind not in _WHEELS:
            return
        size = SIZES[user.kind]
        dx, dy = self._camera.x_m - user.x_m, self._camera.y_m - user.y_m
        away_m = math.hypot(dx, dy)
        facing = (math.cos(user.heading_rad) * dx + math.sin(user.heading_rad) * dy) / away_m
        if abs(facing) < 0.12:
            return
        front = facing > 0
        high_m = 0.65 if front else 0.85
        aside = size.width_m * 0.37
        x = size.length_m / 2 * (1.0 if front else -1.0)
        ends = [(x, y, z) for y in (aside, -aside) for z in (0.0, -high_m)]
        seen = self._camera.view(turned(np.array(ends), user))
        if seen[:, 2].min() < 2.0:
            return
        flat = self._camera.flatten(seen) / _SMALL
        scale = self._camera.focal_px / float(seen[0, 2]) / _SMALL
        dark = self._conditions.dark
        if front:
            strength = (1.0 if dark else 0.34) * facing
        else:
            strength = (0.62 if dark else 0.24) * -facing * (1.5 if user.braking else 1.0)
        colour = np.array(_HEAD if front else _TAIL, np.float32) * strength
        for foot, mirrored in (flat[:2], flat[2:]):
            down = float(mirrored[1] - foot[1])
            tall = max(1.5, 1.15 * down)
            at = mirrored + np.array([0.0, 0.4 * tall])
            _add_streak(shine, at, max(0.6, 0.20 * scale), tall, colour)

    def _add_shine(self, canvas: Picture, shine: Singles) -> None:
        lit = shine.max(axis=2) > 1.0
        x, y, wide, tall = cv2.boundingRect(lit.astype(np.uint8))
        if not wide:
            return
        area = self._area(x, y, wide, tall)
        patch = canvas[area]
        part = np.minimum(shine[y : y + tall, x : x + wide], 255.0).astype(np.uint8)
        full = cv2.resize(part, patch.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        gloss = self._rain.gloss[area]
        cv2.add(patch, cv2.multiply(full, gloss, scale=1 / 255), dst=patch)

    def _area(self, x: int, y: int, wide: int, tall: int) -> tuple[slice, slice]:
        """The part of the picture under a part of the small one."""
        return np.s_[y * _SMALL : (y + tall) * _SMALL, x * _SMALL : (x + wide) * _SMALL]

    def _glare(self, canvas: Picture) -> None:
        """What is too bright for the lens shines over what is beside it."""
        over = cv2.subtract(canvas, (*(_GLARE_FROM,) * 3, 0))  # type: ignore[call-overload]
        small = cv2.resize(over, self._small, interpolation=cv2.INTER_AREA)
        if not small.any():
            return
        bright = small.astype(np.float32)
        near = cv2.GaussianBlur(bright, (0, 0), 1.3)
        far = cv2.blur(cv2.blur(bright, (15, 15)), (15, 15))
        wide = 5.0 if self._conditions.wet else 3.0
        strength = 1.0 if self._conditions.dark else 0.25
        glow = np.minimum((near * 4.0 + far * wide * 1.6) * strength, 255.0).astype(np.uint8)
        glow = cv2.resize(glow, canvas.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        cv2.add(canvas, glow, dst=canvas)

    def _tint(self, user: RoadUser) -> Floats:
        tint = super()._tint(user)
        if self._beams is None:
            return tint
        seen = self._camera.view(np.array([(user.x_m, user.y_m, 0.0)]))
        x, y = self._camera.flatten(seen)[0] / _SMALL
        height, width = self._beams.shape
        lit = float(self._beams[min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)])
        tinted: Floats = np.minimum(1.15, tint + 0.42 * min(lit, 1.2) * np.array(_BEAM_RGB))
        return tinted

    def _headlights(self, canvas: Picture, user: RoadUser) -> None:
        dx, dy = self._camera.x_m - user.x_m, self._camera.y_m - user.y_m
        away_m = math.hypot(dx, dy)
        facing = (math.cos(user.heading_rad) * dx + math.sin(user.heading_rad) * dy) / away_m
        size = SIZES[user.kind]
        if facing > 0.1:
            ends = [(size.length_m / 2, y * size.width_m * 0.36, 0.66) for y in (1, -1)]
            radius_m, colour = 0.17 * (0.5 + 0.5 * facing), _HEAD
        elif facing < -0.1:
            ends = [(-size.length_m / 2, y * size.width_m * 0.40, 0.80) for y in (1, -1)]
            radius_m = 0.12 if user.braking else 0.075
            colour = (255.0, 70.0, 50.0) if user.braking else _TAIL
        else:
            return
        for spot, z in self._spots(turned(np.array(ends), user)):
            disc(canvas, spot, max(0.9, radius_m * self._camera.focal_px / z), colour)

    # Wet ground

    def _mirror(self, canvas: Picture, user: RoadUser, far_m: float) -> None:
        """The mirror image of a body, blurred, as far as the ground is wet."""
        size = SIZES[user.kind]
        half_l, half_w, tall = size.length_m / 2, size.width_m / 2, 0.8 * size.height_m
        corners = np.array(
            [(x, y, z) for x in (-half_l, half_l) for y in (-half_w, half_w) for z in (0.0, -tall)]
        )
        seen = self._camera.view(turned(corners, user))
        if seen[:, 2].min() < 2.0:
            return
        flat = self._camera.flatten(seen)
        tall_px = size.height_m * self._camera.focal_px / far_m
        window = self._window(flat, int(4 + 0.3 * tall_px))
        if window is None:
            return
        x0, y0, x1, y1 = window
        area = np.s_[y0:y1, x0:x1]
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        hull = cv2.convexHull(np.rint((flat - (x0, y0)) * (1 << _SHIFT)).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, round(255 * _MIRROR), cv2.LINE_AA, _SHIFT)
        soft = cv2.blur(mask, (3, max(3, int(0.3 * tall_px) | 1)))
        share = cv2.multiply(soft, self._rain.gloss[area][..., 0], scale=1 / 255)
        tint = self._tint(user)
        colour = _colour_of(user)
        body = tuple(0.5 * c * t for c, t in zip(colour, tint, strict=True))
        wide = cv2.merge((share, share, share))
        patch = canvas[area]
        layer = np.empty_like(patch)
        layer[:] = body
        kept = cv2.multiply(patch, 255 - wide, scale=1 / 255)
        cv2.add(kept, cv2.multiply(layer, wide, scale=1 / 255), dst=patch)

    # Motion

    def _smeared(self, canvas: Picture, user: RoadUser, far_m: float) -> None:
        """Draws `user` wherever it is while the shutter is open, and averages."""
        gone_m = user.speed_m_s * self._shutter_s
        gone_px = gone_m * self._camera.focal_px / max(1.0, far_m)
        steps = min(_STEPS_MAX, math.ceil(gone_px / _STEP_PX))
        if steps < 2:
            self._user(canvas, user, far_m)
            return
        east, north = math.cos(user.heading_rad), math.sin(user.heading_rad)
        shifts_m = [gone_m * ((step + 0.5) / steps - 0.5) for step in range(steps)]
        moved = [
            RoadUser(
                user.kind, user.x_m + east * by_m, user.y_m + north * by_m, user.heading_rad,
                user.speed_m_s, user.braking, user.travelled_m + by_m, user.look,
            )
            for by_m in shifts_m
        ]  # fmt: skip
        boxes = [box for box in map(self.box, moved) if box is not None]
        if not boxes:
            return
        corners = np.array(boxes)
        margin = 8.0 + 1.0 * self._camera.focal_px / max(1.0, far_m)
        height, width = canvas.shape[:2]
        x0 = max(0, int(corners[:, 0].min() - margin))
        y0 = max(0, int(corners[:, 1].min() - margin))
        x1 = min(width, int(corners[:, 2].max() + margin) + 1)
        y1 = min(height, int(corners[:, 3].max() + margin) + 1)
        patch = canvas[y0:y1, x0:x1]
        before, total = patch.copy(), np.zeros(patch.shape, np.float32)
        for one in moved:
            patch[:] = before
            self._user(canvas, one, far_m)
            cv2.accumulate(patch, total)
        patch[:] = cv2.convertScaleAbs(total, None, 1 / steps)

    def _window(self, flat: Floats, margin: int) -> tuple[int, int, int, int] | None:
        """(x0, y0, x1, y1) px around some points, within the picture; None outside of it."""
        height, width = self._shaded.shape
        x0 = max(0, int(flat[:, 0].min()) - margin)
        y0 = max(0, int(flat[:, 1].min()) - margin)
        x1 = min(width, int(flat[:, 0].max()) + margin + 1)
        y1 = min(height, int(flat[:, 1].max()) + margin + 1)
        return None if x1 - x0 < 2 or y1 - y0 < 2 else (x0, y0, x1, y1)


def _beam_texture() -> Singles:
    """The light of dipped headlights on the ground, seen from above; forward is to the right."""
    near, far, aside = _BEAM_M
    x = np.arange(near, far, _BEAM_STEP_M)[None, :]
    y = np.arange(-aside, aside, _BEAM_STEP_M)[:, None]
    rises = np.clip((x - near) / 3.5, 0.0, 1.0) ** 1.5
    falls = 1.0 / (1.0 + (x / 11.0) ** 2.4)
    ends = np.clip((far - x) / 8.0, 0.0, 1.0)
    wide = 0.9 + 0.16 * x
    across = np.exp(-((y / wide) ** 2))
    # A little more to the right, where the kerb is.
    lean = 1.0 + 0.15 * np.tanh(y / 2.0)
    return (1.15 * rises * falls * ends * across * lean).astype(np.float32)


_BEAM = _beam_texture()
_KEEP = [np.rint(255 - share * np.arange(256)).astype(np.uint8) for share in _SHADE]


def _add_streak(
    shine: Singles, at: Floats, wide_px: float, tall_px: float, colour: Singles
) -> None:
    height, width = shine.shape[:2]
    x0, x1 = max(0, int(at[0] - 2.5 * wide_px)), min(width, int(at[0] + 2.5 * wide_px) + 2)
    y0, y1 = max(0, int(at[1] - 2.2 * tall_px)), min(height, int(at[1] + 2.2 * tall_px) + 2)
    if x0 >= x1 or y0 >= y1:
        return
    across = np.exp(-(((np.arange(x0, x1) - at[0]) / wide_px) ** 2))
    down = np.exp(-(((np.arange(y0, y1) - at[1]) / tall_px) ** 2))
    bell = (down[:, None] * across[None, :]).astype(np.float32)
    shine[y0:y1, x0:x1] += bell[:, :, None] * colour


def _colour_of(user: RoadUser) -> Rgb:
    """The colour of most of a body."""
    if user.kind in BODIES:
        roles = roles_of(user.kind, user.look, user.braking, "day")
        return roles["load"] if user.kind is Kind.TRUCK else roles["body"]
    return (70.0, 60.0, 72.0)


def _shadow_of(user: RoadUser, sun: Floats) -> Floats:
    """(N, 3) points of the ground whose hull is the shadow of `user`."""
    if user.kind in BODIES:
        corners = BODIES[user.kind][user.look % len(BODIES[user.kind])].corners
    elif user.kind is Kind.PEDESTRIAN:
        corners = _PERSON
    else:
        corners = _RIDER
    placed = turned(corners, user)
    placed[:, :2] -= sun[:2] / sun[2] * placed[:, 2:]
    placed[:, 2] = 0.0
    return placed


_PERSON = np.array(
    [
        (x, y, z)
        for z, wide, deep in ((0.0, 0.14, 0.16), (1.35, 0.22, 0.10), (1.72, 0.09, 0.09))
        for x in (-deep, deep)
        for y in (-wide, wide)
    ]
)
_RIDER = np.array(
    [
        (x, y, z)
        for z, long, wide in (
            (0.0, 0.88, 0.05), (0.6, 0.80, 0.10), (1.3, 0.30, 0.20), (1.7, 0.12, 0.10),
        )
        for x in (-long, long)
        for y in (-wide, wide)
    ]
)  # fmt: skip
