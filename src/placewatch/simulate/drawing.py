"""Drawing: road users over the scenery, solid and shaded, nearer ones before farther ones.

How this works: vehicles are a few convex bodies with flat faces, turned and projected in one go;
people and riders are capsules between joints that walk and pedal. Everybody's colours are its own:
people wear colours from a range of hues that nothing else in the picture has (`exclusive`).
"""

import colorsys
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Kind
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.scenery import Light, Scenery, View
from placewatch.simulate.traffic import SIZES, RoadUser
from placewatch.simulate.vehicles import (
    BODIES,
    CARRIAGE,
    SHINING,
    Body,
    carriage_roles,
    roles_of,
)

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Rgb = tuple[float, float, float]

_SHIFT = 4

_CLOTHES: tuple[Rgb, ...] = (
    (112, 8, 84),
    (78, 12, 118),
    (118, 10, 62),
    (62, 14, 104),
    (98, 6, 92),
    (84, 12, 124),
)
"""What people and riders wear: deep colours of the exclusive hues, so that they stand out from
every pavement in the Y plane too, as most people do in a street."""

_HUES = (272.0, 338.0)  # degrees, violet to crimson: nobody else and nothing else has them
_CHROMA_MIN = 34.0  # of 255: the greys of a noisy picture have any hue


def exclusive_colours() -> tuple[tuple[int, int, int], ...]:
    """The (r, g, b) that only people and riders wear, by day and in full light."""
    return tuple((round(r), round(g), round(b)) for r, g, b in _CLOTHES)


def exclusive(rgb: Picture) -> npt.NDArray[np.bool_]:
    """Where a picture (H, W, 3) shows a hue that only people and riders have, in any light."""
    wide = rgb.astype(np.int16)
    red, green, blue = wide[..., 0], wide[..., 1], wide[..., 2]
    most = np.maximum(np.maximum(red, green), blue)
    chroma = most - np.minimum(np.minimum(red, green), blue)
    safe = np.maximum(chroma, 1).astype(np.float32)
    hue = np.where(
        most == red,
        ((green - blue) / safe) % 6,
        np.where(most == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    degrees = hue * 60
    result: npt.NDArray[np.bool_] = (
        (chroma >= _CHROMA_MIN) & (degrees >= _HUES[0]) & (degrees <= _HUES[1])
    )
    return result


def is_exclusive(colour: Rgb) -> bool:
    """Whether one colour is of the hues that only people and riders wear."""
    hue, _, _ = colorsys.rgb_to_hsv(*(c / 255 for c in colour))
    return _HUES[0] <= hue * 360 <= _HUES[1] and max(colour) - min(colour) >= _CHROMA_MIN


class Cast(Protocol):
    """Who is in a street, and what its lights show."""

    def at(self, media_s: float) -> list[RoadUser]: ...

    def colour(self, zone: str, party: str, media_s: float) -> str: ...


class Artist:
    """Draws everybody into one camera's pictures. Remembers nothing between pictures."""

    def __init__(self, view: View, camera: Pinhole, light: Light, scenery: Scenery) -> None:
        self._camera = camera
        self._light = light
        self._scenery = scenery
        self._posts = view.posts
        self._sunny = light == "day"
        self._lit = light != "day"  # vehicles have their lights on
        self._sun = np.array(view.sun) / math.sqrt(sum(c * c for c in view.sun))

    def draw(
        self, traffic: Cast, media_s: float, carriages_m: Sequence[tuple[float, float]] = ()
    ) -> Picture:
        """The street at `media_s`, (H, W, 3) without noise; the carriages of a train, by the
        middles of their floors, are behind everybody."""
        canvas: Picture = self._scenery.rgb.copy()
        self._signals(canvas, traffic, media_s)
        self._carriages(canvas, carriages_m)
        shown = self._shown(traffic.at(media_s))
        for user, _ in shown:
            self._shadow(canvas, user)
        for user, foot in shown:
            self._user(canvas, user, float(foot[2]))
        return canvas

    def _shown(self, users: Sequence[RoadUser]) -> list[tuple[RoadUser, Floats]]:
        """Who may be seen, with where each is in the camera's axes; the farthest first."""
        if not users:
            return []
        feet = self._camera.view(np.array([(u.x_m, u.y_m, 0.0) for u in users]))
        order = np.argsort(-np.hypot(feet[:, 2], feet[:, 0]))
        shown = [
            (users[i], feet[i]) for i in order if feet[i, 2] > SIZES[users[i].kind].length_m * 0.6
        ]
        return [(user, foot) for user, foot in shown if self._in_sight(user, foot)]

    def box(self, user: RoadUser) -> tuple[float, float, float, float] | None:
        """(left, top, right, bottom) px of the upright rectangle around `user`; None if unseen."""
        corners = _block(user)
        seen = self._camera.view(corners)
        if seen[:, 2].min() < 1.0:
            return None
        flat = self._camera.flatten(seen)
        left, top = flat.min(axis=0)
        right, bottom = flat.max(axis=0)
        width, height = self._camera.width_px, self._camera.height_px
        left, right = max(0.0, left), min(float(width), right)
        top, bottom = max(0.0, top), min(float(height), bottom)
        if right - left < 1 or bottom - top < 1:
            return None
        return float(left), float(top), float(right), float(bottom)

    def _in_sight(self, user: RoadUser, foot: Floats) -> bool:
        scale = self._camera.focal_px / float(foot[2])
        x = self._camera.width_px / 2 + foot[0] * scale
        y = self._camera.height_px / 2 + foot[1] * scale
        reach = SIZES[user.kind].length_m * scale + 8
        return bool(
            -reach < x < self._camera.width_px + reach
            and -reach < y < self._camera.height_px + reach + 3.5 * scale
        )

    # Light

    def _tint(self, user: RoadUser) -> Floats:
        light: Floats = np.minimum(1.15, self._scenery.light_at(user.x_m, user.y_m))
        return light

    def _signals(self, canvas: Picture, traffic: Cast, media_s: float) -> None:
        for post in self._posts:
            towards = (post.faces[0] - post.at[0]) * (self._camera.x_m - post.at[0]) + (
                post.faces[1] - post.at[1]
            ) * (self._camera.y_m - post.at[1])
            if towards <= 0:
                continue  # seen from behind
            colour = traffic.colour(post.zone, post.party, media_s)
            heights = np.array(
                [(*post.at, post.height_m - up) for up in (0.16, 0.46, 0.76)]  # red, amber, green
            )
            seen = self._camera.view(heights)
            if seen[:, 2].min() < 1.0:
                continue
            flat = self._camera.flatten(seen)
            radius = 0.105 * self._camera.focal_px / float(seen[0, 2])
            for spot, name in zip(flat, ("red", "amber", "green"), strict=True):
                lamp = _LAMPS[name] if name == colour else (58.0, 61.0, 63.0)
                disc(canvas, spot, max(1.2, radius), lamp)

    # Shadows

    def _shadow(self, canvas: Picture, user: RoadUser) -> None:
        """The soft dark where `user` touches the ground."""
        ground = turned(_FOOTPRINTS[user.kind], user)
        reach = 0.12 * min(SIZES[user.kind].height_m, 1.6)
        if self._sunny or self._light == "dusk":
            ground[:, :2] -= self._sun[:2] / self._sun[2] * reach
        seen = self._camera.view(ground)
        if seen[:, 2].min() < 0.8:
            return
        flat = self._camera.flatten(seen)
        margin = 3
        x0, y0 = int(flat[:, 0].min()) - margin, int(flat[:, 1].min()) - margin
        x1, y1 = int(flat[:, 0].max()) + margin + 1, int(flat[:, 1].max()) + margin + 1
        x0, y0 = max(0, x0), max(0, y0)
        x1, y1 = min(canvas.shape[1], x1), min(canvas.shape[0], y1)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        keep = np.full((y1 - y0, x1 - x0), 255, np.uint8)
        strength = 120 if self._light == "day" else 70
        cv2.fillPoly(keep, [_fixed(flat - (x0, y0))], 255 - strength, cv2.LINE_AA, _SHIFT)
        keep = cv2.blur(keep, (5, 5))
        patch = canvas[y0:y1, x0:x1]
        depth = self._scenery.depth_m[y0:y1, x0:x1]
        if depth.min() < float(seen[:, 2].max()):
            keep[depth < float(seen[:, 2].mean())] = 255
        cv2.multiply(patch, cv2.merge((keep, keep, keep)), dst=patch, scale=1 / 255)

    # Road users

    def _user(self, canvas: Picture, user: RoadUser, far_m: float) -> None:
        box = self.box(user)
        if box is None:
            return
        x0, y0 = max(0, int(box[0]) - 6), max(0, int(box[1]) - 6)
        x1 = min(canvas.shape[1], int(box[2]) + 7)
        y1 = min(canvas.shape[0], int(box[3]) + 7)
        depth = self._scenery.depth_m[y0:y1, x0:x1]
        hidden = depth.min() < far_m
        kept = canvas[y0:y1, x0:x1].copy() if hidden else None
        if user.kind is Kind.PEDESTRIAN:
            self._person(canvas, user)
        elif user.kind in (Kind.BICYCLE, Kind.MOTORCYCLE):
            self._rider(canvas, user)
        else:
            self._vehicle(canvas, user)
        if kept is not None:
            np.copyto(canvas[y0:y1, x0:x1], kept, where=(depth < far_m)[:, :, None])

    def _vehicle(self, canvas: Picture, user: RoadUser) -> None:
        body = BODIES[user.kind][user.look % len(BODIES[user.kind])]
        roles = roles_of(user.kind, user.look, user.braking, self._light)
        inside = self._light == "night" and user.kind is Kind.BUS  # it is lit
        self._body(canvas, body, roles, user, inside=inside)
        if self._lit and user.kind is not Kind.UNKNOWN:
            self._headlights(canvas, user)

    def _carriages(self, canvas: Picture, middles_m: Sequence[tuple[float, float]]) -> None:
        """The carriages of a train, the farthest first."""
        eye = self._camera.x_m, self._camera.y_m
        for x_m, y_m in sorted(middles_m, key=lambda at: -math.dist(at, eye)):
            self._carriage(canvas, RoadUser(Kind.UNKNOWN, x_m, y_m, 0.0, 0.0, False, 0.0, 0))

    def _carriage(self, canvas: Picture, at: RoadUser) -> None:
        """One carriage, hidden by what stands before it."""
        seen = self._camera.view(turned(CARRIAGE.corners, at))
        if seen[:, 2].min() < 1.0:
            return
        hidden = self._scenery.depth_m < float(seen[:, 2].min())
        kept = canvas[hidden]
        self._body(canvas, CARRIAGE, carriage_roles(self._light), at, inside=self._light != "day")
        canvas[hidden] = kept

    def _body(
        self,
        canvas: Picture,
        body: Body,
        roles: Mapping[str, Rgb],
        user: RoadUser,
        *,
        inside: bool = False,
    ) -> None:
        """A body where `user` is; `inside` says whether light shines out of its windows."""
        tint = self._tint(user)
        cos, sin = math.cos(user.heading_rad), math.sin(user.heading_rad)
        seen = self._camera.view(turned(body.corners, user))
        if seen[:, 2].min() < 0.6:
            return
        flat = self._camera.flatten(seen)
        shapes = flat[body.faces]  # (F, 4, 2)
        away = shapes - shapes[:, :1]
        area = (
            away[:, 1, 0] * away[:, 2, 1]
            - away[:, 1, 1] * away[:, 2, 0]
            + away[:, 2, 0] * away[:, 3, 1]
            - away[:, 2, 1] * away[:, 3, 0]
        )
        normals = body.normals
        sun = self._sun
        sun_x, sun_y = cos * sun[0] + sin * sun[1], -sin * sun[0] + cos * sun[1]
        lit = normals[:, 0] * sun_x + normals[:, 1] * sun_y + normals[:, 2] * sun[2]
        if self._sunny:
            bright = 0.82 + 0.08 * normals[:, 2] + 0.18 * np.maximum(lit, 0)
        elif self._light == "day":
            bright = 0.84 + 0.14 * normals[:, 2]
        else:
            bright = 0.74 + 0.24 * normals[:, 2]
        points = _fixed(shapes)
        wheels_drawn = False
        for index in np.flatnonzero(area < 0):
            role = body.paints[index]
            if not wheels_drawn and role != "under":
                self._wheels(canvas, body, user, tint)
                wheels_drawn = True
            colour = roles[role]
            shines = role in SHINING or (inside and role == "glass")
            if not shines or self._light == "day":
                shade = tint * (1.0 if shines else bright[index])
                colour = (colour[0] * shade[0], colour[1] * shade[1], colour[2] * shade[2])
            cv2.fillConvexPoly(canvas, points[index], colour, cv2.LINE_AA, _SHIFT)

    def _wheels(self, canvas: Picture, body: Body, user: RoadUser, tint: Floats) -> None:
        if not body.wheels:
            return
        rings = _rings(body, self._side(user) > 0)
        flats = self._camera.project(turned(rings, user)).reshape(-1, len(_RING), 2)
        for flat in flats:
            cv2.fillConvexPoly(
                canvas, _fixed(flat), tuple(float(c * 40) for c in tint), cv2.LINE_AA, _SHIFT
            )
            hub = flat.mean(axis=0) + (flat - flat.mean(axis=0)) * 0.52
            cv2.fillConvexPoly(
                canvas, _fixed(hub), tuple(float(c * 128) for c in tint), cv2.LINE_AA, _SHIFT
            )

    def _side(self, user: RoadUser) -> float:
        """Positive where the camera is on the left of `user`."""
        dx, dy = self._camera.x_m - user.x_m, self._camera.y_m - user.y_m
        return -math.sin(user.heading_rad) * dx + math.cos(user.heading_rad) * dy

    def _headlights(self, canvas: Picture, user: RoadUser) -> None:
        size = SIZES[user.kind]
        ends = turned(
            np.array(
                [
                    (size.length_m / 2, size.width_m * 0.36, 0.65),
                    (size.length_m / 2, -size.width_m * 0.36, 0.65),
                ]
            ),
            user,
        )
        dx, dy = self._camera.x_m - user.x_m, self._camera.y_m - user.y_m
        facing = (math.cos(user.heading_rad) * dx + math.sin(user.heading_rad) * dy) / math.hypot(
            dx, dy
        )
        if facing <= 0.15:
            return
        for spot, z in self._spots(ends):
            disc(canvas, spot, max(1.0, 0.16 * self._camera.focal_px / z), (255, 246, 220))
            self._halo(canvas, spot, 0.95 * self._camera.focal_px / z, (150, 138, 104), facing)

    def _spots(self, metres: Floats) -> list[tuple[Floats, float]]:
        seen = self._camera.view(metres)
        flat = self._camera.flatten(seen) if seen[:, 2].min() > 0.6 else np.empty((0, 2))
        return [(spot, float(z)) for spot, z in zip(flat, seen[:, 2], strict=False)]

    @staticmethod
    def _halo(canvas: Picture, spot: Floats, radius: float, colour: Rgb, strength: float) -> None:
        """Adds a soft shine around `spot`."""
        side = max(5, int(radius * 2) | 1)
        x0, y0 = round(float(spot[0])) - side // 2, round(float(spot[1])) - side // 2
        left, top = max(0, -x0), max(0, -y0)
        right = min(side, canvas.shape[1] - x0)
        bottom = min(side, canvas.shape[0] - y0)
        if right <= left or bottom <= top:
            return
        bell = cv2.resize(_BELL, (side, side))[top:bottom, left:right]
        shine = (bell[:, :, None] * (np.array(colour, np.float32) * strength)).astype(np.uint8)
        patch = canvas[y0 + top : y0 + bottom, x0 + left : x0 + right]
        cv2.add(patch, shine, dst=patch)

    def _person(self, canvas: Picture, user: RoadUser) -> None:
        tint = self._tint(user)
        dice = np.random.default_rng(user.look)
        tall = 0.92 + 0.14 * float(dice.random())
        top = _CLOTHES[user.look % len(_CLOTHES)]
        legs = _TROUSERS[(user.look // 7) % len(_TROUSERS)]
        skin = _SKINS[(user.look // 31) % len(_SKINS)]
        hair = _HAIRS[(user.look // 97) % len(_HAIRS)]
        moving = min(1.0, user.speed_m_s / 0.9)
        phase = user.travelled_m * 2 * math.pi / 1.5
        swing = 0.30 * moving * math.sin(phase)
        lift = 0.10 * moving
        sway = 0.0 if moving > 0.2 else 0.03 * math.sin(user.look % 7 + user.travelled_m)
        lift_a, lift_b = max(0.0, math.cos(phase)) * lift, max(0.0, -math.cos(phase)) * lift
        hip, chest = 0.88 * tall, 1.40 * tall
        joints = turned(
            np.array(
                [
                    (swing, 0.09, lift_a + 0.05),
                    (swing * 0.4 + 0.05 * moving, 0.09, 0.46 * tall),
                    (0.0, 0.08, hip),
                    (-swing, -0.09, lift_b + 0.05),
                    (-swing * 0.4 + 0.05 * moving, -0.09, 0.46 * tall),
                    (0.0, -0.08, hip),
                    (sway, 0.0, hip),
                    (sway, 0.0, chest),
                    (-swing * 0.9, 0.24, 0.92 * tall),
                    (sway, 0.19, chest - 0.03),
                    (swing * 0.9, -0.24, 0.92 * tall),
                    (sway, -0.19, chest - 0.03),
                    (sway + 0.02, 0.0, 1.62 * tall),
                    (sway - 0.02, 0.0, 1.66 * tall),
                ]
            ),
            user,
        )
        arm = tuple(c * 0.90 for c in top)
        dark = tuple(c * 0.86 for c in legs)
        left_nearer = self._side(user) > 0
        arms = [(8, 9, 0.055, 0.065, arm), (10, 11, 0.055, 0.065, arm)]
        limbs = [
            (0, 1, 0.06, 0.075, legs),
            (1, 2, 0.075, 0.095, legs),
            (3, 4, 0.06, 0.075, dark),
            (4, 5, 0.075, 0.095, dark),
        ]
        if left_nearer:
            limbs = limbs[2:] + limbs[:2]
            arms = arms[::-1]
        pieces = [arms[0], *limbs, (6, 7, 0.15, 0.175, top), arms[1]]
        head = [(13, 13, 0.125, 0.125, hair), (12, 12, 0.105, 0.105, skin)]
        if self._away(user):
            head.reverse()
        self._capsules(canvas, joints, [*pieces, *head], tint)

    def _away(self, user: RoadUser) -> bool:
        """Whether `user` turns its back to the camera."""
        dx, dy = self._camera.x_m - user.x_m, self._camera.y_m - user.y_m
        return math.cos(user.heading_rad) * dx + math.sin(user.heading_rad) * dy < 0

    def _rider(self, canvas: Picture, user: RoadUser) -> None:
        tint = self._tint(user)
        motor = user.kind is Kind.MOTORCYCLE
        top = _CLOTHES[user.look % len(_CLOTHES)]
        legs = _TROUSERS[(user.look // 7) % len(_TROUSERS)]
        skin = _SKINS[(user.look // 31) % len(_SKINS)]
        hair = _HAIRS[(user.look // 97) % len(_HAIRS)]
        frame = _FRAMES[(user.look // 13) % len(_FRAMES)]
        radius = 0.32 if motor else 0.34
        base = 0.70 if motor else 0.56
        tyre = tuple(float(c * 36) for c in tint)
        for x in (-base, base):
            ring = np.array([(x + c * radius, 0.0, radius + s * radius) for c, s in _RING])
            flat = self._camera.project(turned(ring, user))
            scale = self._camera.focal_px / max(
                1.0, float(self._camera.view(turned(ring[:1], user))[0, 2])
            )
            thick = max(1, round((0.13 if motor else 0.05) * scale))
            cv2.polylines(canvas, [_fixed(flat)], True, tyre, thick, cv2.LINE_AA, _SHIFT)
        phase = user.travelled_m * 2 * math.pi / 5.2
        px, pz = 0.17 * math.cos(phase), 0.17 * math.sin(phase)
        if motor:
            joints = np.array(
                [
                    (base, 0.0, radius),
                    (0.42, 0.0, 0.98),
                    (-base, 0.0, radius),
                    (0.15, 0.0, 0.62),
                    (-0.55, 0.0, 0.80),
                    (0.32, 0.0, 0.84),
                    (-0.18, 0.0, 0.86),
                    (0.06, 0.0, 1.34),
                    (0.42, 0.27, 1.02),
                    (0.42, -0.27, 1.02),
                    (0.02, 0.18, 0.36),
                    (0.02, -0.18, 0.36),
                    (0.30, 0.16, 0.78),
                    (0.30, -0.16, 0.78),
                    (0.14, 0.0, 1.52),
                    (0.12, 0.0, 1.55),
                    (0.05, 0.18, 1.30),
                    (0.05, -0.18, 1.30),
                    (0.16, 0.0, 1.56),
                ]
            )
        else:
            joints = np.array(
                [
                    (base, 0.0, radius),
                    (0.40, 0.0, 0.98),
                    (-base, 0.0, radius),
                    (-0.02, 0.0, 0.28),
                    (-0.24, 0.0, 0.88),
                    (0.36, 0.0, 0.80),
                    (-0.24, 0.0, 0.92),
                    (0.02, 0.0, 1.40),
                    (0.38, 0.24, 1.00),
                    (0.38, -0.24, 1.00),
                    (px - 0.02, 0.12, 0.28 + pz),
                    (-px - 0.02, -0.12, 0.28 - pz),
                    (0.14 + px * 0.35, 0.12, 0.68 + pz * 0.45),
                    (0.14 - px * 0.35, -0.12, 0.68 - pz * 0.45),
                    (0.09, 0.0, 1.60),
                    (0.06, 0.0, 1.64),
                    (0.02, 0.17, 1.36),
                    (0.02, -0.17, 1.36),
                    (0.08, 0.0, 1.66),
                ]
            )
        joints = turned(joints, user)
        near, far = ((10, 12, 16, 8), (11, 13, 17, 9))
        if self._side(user) <= 0:
            near, far = far, near
        dark = tuple(c * 0.84 for c in legs)
        arm = tuple(c * 0.88 for c in top)
        leg_r, torso_r = (0.085, 0.19) if motor else (0.07, 0.16)
        machine: list[tuple[int, int, float, float, Rgb]]
        if motor:
            machine = [
                (2, 4, 0.09, 0.12, frame),
                (3, 5, 0.20, 0.19, frame),
                (0, 1, 0.06, 0.07, (70, 74, 78)),
                (4, 5, 0.13, 0.15, (48, 50, 54)),
            ]
        else:
            machine = [
                (0, 1, 0.022, 0.022, frame),
                (2, 3, 0.022, 0.022, frame),
                (3, 4, 0.024, 0.024, frame),
                (3, 5, 0.026, 0.026, frame),
                (4, 5, 0.024, 0.024, frame),
                (8, 9, 0.02, 0.02, (60, 62, 66)),
            ]
        pieces: list[tuple[int, int, float, float, Sequence[float]]] = [
            (far[0], far[1], leg_r * 0.85, leg_r, dark),
            (far[1], 6, leg_r, leg_r * 1.15, dark),
            (far[3], far[2], 0.05, 0.06, arm),
            *machine,
            (6, 7, torso_r * 0.9, torso_r, top),
            (near[0], near[1], leg_r * 0.85, leg_r, legs),
            (near[1], 6, leg_r, leg_r * 1.15, legs),
            (near[3], near[2], 0.05, 0.06, arm),
        ]
        head: list[tuple[int, int, float, float, Sequence[float]]]
        if motor:
            helmet = _FRAMES[(user.look // 17) % len(_FRAMES)]
            head = [(15, 15, 0.15, 0.15, helmet)]
        else:
            head = [(15, 15, 0.125, 0.125, hair), (14, 14, 0.105, 0.105, skin)]
            if self._away(user):
                head.reverse()
        self._capsules(canvas, joints, [*pieces, *head], tint)
        if self._lit:
            self._rider_lamp(canvas, user, motor)

    def _rider_lamp(self, canvas: Picture, user: RoadUser, motor: bool) -> None:
        front = not self._away(user)
        x = (0.72 if front else -0.80) if motor else (0.52 if front else -0.62)
        spots = self._spots(turned(np.array([(x, 0.0, 0.80)]), user))
        for spot, z in spots:
            scale = self._camera.focal_px / z
            if front:
                disc(canvas, spot, max(1.0, 0.08 * scale), (255, 248, 224))
                self._halo(canvas, spot, (0.7 if motor else 0.42) * scale, (130, 122, 96), 1.0)
            else:
                disc(canvas, spot, max(0.9, 0.06 * scale), (226, 52, 36))

    def _capsules(
        self,
        canvas: Picture,
        joints: Floats,
        pieces: Sequence[tuple[int, int, float, float, Sequence[float]]],
        tint: Floats,
    ) -> None:
        """Draws rounded limbs (from, to, radius at each, colour) in the order given."""
        seen = self._camera.view(joints)
        if seen[:, 2].min() < 0.6:
            return
        flat = self._camera.flatten(seen)
        scale = self._camera.focal_px / seen[:, 2]
        start = np.array([piece[0] for piece in pieces])
        end = np.array([piece[1] for piece in pieces])
        a, b = flat[start], flat[end]
        ra = np.maximum(0.55, np.array([piece[2] for piece in pieces]) * scale[start])
        rb = np.maximum(0.55, np.array([piece[3] for piece in pieces]) * scale[end])
        along = b - a
        length = np.hypot(along[:, 0], along[:, 1])
        unit = np.where(
            length[:, None] > 1e-6, along / np.maximum(length, 1e-6)[:, None], (0.0, 1.0)
        )
        aside = np.stack((-unit[:, 1], unit[:, 0]), axis=1)
        # Half a circle around each end: (K, 2n, 2).
        turn_a = (
            -unit[:, None] * _HALF_SIN[None, :, None] + aside[:, None] * _HALF_COS[None, :, None]
        )
        turn_b = (
            unit[:, None] * _HALF_SIN[None, :, None] - aside[:, None] * _HALF_COS[None, :, None]
        )
        shape = np.concatenate(
            (a[:, None] + turn_a * ra[:, None, None], b[:, None] + turn_b * rb[:, None, None]),
            axis=1,
        )
        middle = (a + b) / 2
        bright_side = middle - np.stack((ra * 0.22, ra * 0.16), axis=1)
        points = _fixed(shape)
        sunny = _fixed((shape - middle[:, None]) * 0.62 + bright_side[:, None])
        daylight = self._sunny
        for index, piece in enumerate(pieces):
            colour = piece[4]
            shade = (colour[0] * tint[0], colour[1] * tint[1], colour[2] * tint[2])
            cv2.fillConvexPoly(canvas, points[index], shade, cv2.LINE_AA, _SHIFT)
            if daylight and ra[index] > 2.6:  # the side that the sun is on
                bright = (shade[0] * 1.13 + 4, shade[1] * 1.13 + 4, shade[2] * 1.13 + 4)
                cv2.fillConvexPoly(canvas, sunny[index], bright, cv2.LINE_AA, _SHIFT)


@cache
def _rings(body: Body, left: bool) -> Floats:
    """The outlines of the wheels on one side, one after the other."""
    wheels = [wheel for wheel in body.wheels if (wheel[1] > 0) == left]
    return np.array([(x + c * r, y, r + s * r) for x, y, r in wheels for c, s in _RING])


_RING = tuple((math.cos(a), math.sin(a)) for a in np.linspace(0, 2 * math.pi, 14, endpoint=False))
_HALF_COS = np.cos(np.linspace(0, math.pi, 7))
_HALF_SIN = np.sin(np.linspace(0, math.pi, 7))
_BELL = np.exp(
    -3.2 * np.add.outer(np.linspace(-1, 1, 65) ** 2, np.linspace(-1, 1, 65) ** 2)
).astype(np.float32)
_BELL = np.clip((_BELL - _BELL[0, 32]) / (1 - _BELL[0, 32]), 0, 1)
_LAMPS: Mapping[str, Rgb] = {"red": (228, 62, 44), "amber": (244, 176, 44), "green": (64, 198, 116)}

_TROUSERS: tuple[Rgb, ...] = (
    (34, 38, 50),
    (42, 40, 38),
    (30, 30, 34),
    (48, 44, 40),
    (26, 34, 44),
)
_SKINS: tuple[Rgb, ...] = (
    (224, 184, 156),
    (196, 148, 116),
    (150, 106, 80),
    (232, 198, 172),
    (112, 78, 60),
)
_HAIRS: tuple[Rgb, ...] = ((60, 48, 40), (38, 34, 32), (122, 92, 62), (168, 160, 152), (92, 66, 48))
_FRAMES: tuple[Rgb, ...] = (
    (48, 62, 76),
    (150, 60, 48),
    (40, 92, 84),
    (58, 58, 60),
    (178, 182, 184),
)


def _footprint(kind: Kind) -> Floats:
    """The outline of what a kind covers of the ground: a rounded rectangle (superellipse)."""
    half_l, half_w = SIZES[kind].length_m / 2 + 0.08, SIZES[kind].width_m / 2 + 0.08
    if kind in (Kind.PEDESTRIAN, Kind.BICYCLE, Kind.MOTORCYCLE):
        half_l, half_w = half_l * 0.9, half_w * 0.62
    angle = (np.arange(16) + 0.5) / 16 * 2 * math.pi
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.copysign(np.sqrt(np.abs(cos)), cos) * half_l
    y = np.copysign(np.sqrt(np.abs(sin)), sin) * half_w
    return np.stack((x, y, np.zeros(16)), axis=1)


_FOOTPRINTS = {kind: _footprint(kind) for kind in SIZES}


def turned(corners: Floats, user: RoadUser) -> Floats:
    """Corners of something that faces along x, put where `user` is."""
    cos, sin = math.cos(user.heading_rad), math.sin(user.heading_rad)
    placed = np.empty_like(corners)
    placed[:, 0] = corners[:, 0] * cos - corners[:, 1] * sin + user.x_m
    placed[:, 1] = corners[:, 0] * sin + corners[:, 1] * cos + user.y_m
    placed[:, 2] = corners[:, 2]
    return placed


def _block(user: RoadUser) -> Floats:
    """The eight corners of the room that `user` takes."""
    size = SIZES[user.kind]
    return turned(_CUBE * (size.length_m / 2, size.width_m / 2, size.height_m), user)


_CUBE = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (0, 1)], float)


def _fixed(flat: Floats) -> npt.NDArray[np.int32]:
    return np.rint(flat * 16.0).astype(np.int32)


def disc(canvas: Picture, spot: Floats, radius: float, colour: Rgb) -> None:
    where = (round(float(spot[0]) * 16), round(float(spot[1]) * 16))
    cv2.circle(canvas, where, round(radius * 16), colour, -1, cv2.LINE_AA, _SHIFT)
