"""Road users of seven kinds as meshes, each of its own shape, paint, clothes and load."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from tools.train.mesh import Material, Mesh, Point3, ring

KINDS = ("pedestrian", "bicycle", "motorcycle", "car", "van", "bus", "truck")

Dice = np.random.Generator
Rod = tuple[Point3, Point3, float, float, int]


def model(kind: int, dice: Dice) -> Mesh:
    """One road user of a kind (its index in `KINDS`), standing at the origin and facing along x."""
    mesh = _MAKERS[kind](dice)
    if kind >= KINDS.index("motorcycle"):
        mesh.beam_m = float(mesh.corners[..., 0].max()) + 0.3
    return mesh


def _between(dice: Dice, low: float, high: float) -> float:
    return float(dice.uniform(low, high))


def _chance(dice: Dice, share: float) -> bool:
    return bool(dice.random() < share)


def _cloth(dice: Dice) -> Material:
    """Clothes: mostly dark, some in the middle, some white or of high visibility."""
    draw = dice.random()
    if draw < 0.5:
        return Material(_between(dice, 0.02, 0.16))
    if draw < 0.78:
        return Material(_between(dice, 0.12, 0.45))
    return Material(_between(dice, 0.45, 0.95))


def _skin(dice: Dice) -> Material:
    return Material(_between(dice, 0.12, 0.62))


def _coat(dice: Dice) -> Material:
    """Paint of a vehicle, in luma: white, silver, grey as asphalt, coloured, black."""
    draw = dice.random()
    if draw < 0.26:
        albedo = _between(dice, 0.7, 0.95)
    elif draw < 0.5:
        albedo = _between(dice, 0.02, 0.08)
    else:
        albedo = _between(dice, 0.06, 0.7)
    return Material(albedo, gloss=_between(dice, 0.1, 0.9))


def _glass(dice: Dice) -> Material:
    return Material(_between(dice, 0.01, 0.1), gloss=_between(dice, 0.7, 1.0))


def _rubber(dice: Dice) -> Material:
    return Material(_between(dice, 0.015, 0.07))


# People


class _Body:
    """The materials and lengths of one person, and the rods of limbs that they add to."""

    def __init__(self, mesh: Mesh, dice: Dice, height_m: float) -> None:
        self.mesh, self.dice, self.height_m = mesh, dice, height_m
        self.stout = _between(dice, 0.85, 1.35)
        self.top = mesh.paint(_cloth(dice))
        self.sleeve = self.top if _chance(dice, 0.75) else mesh.paint(_skin(dice))
        self.legs = mesh.paint(_cloth(dice))
        self.shoes = mesh.paint(_cloth(dice))
        self.skin = mesh.paint(_skin(dice))
        self.shin = self.legs if _chance(dice, 0.78) else self.skin
        self.hair = mesh.paint(Material(_between(dice, 0.01, 0.3)))
        self.rods: list[Rod] = []

    def rod(self, a: Point3, b: Point3, ra: float, rb: float, paint: int) -> None:
        self.rods.append((a, b, ra * self.stout, rb * self.stout, paint))

    def leg(self, hip: Point3, foot: Point3, forward: float = 1.0) -> None:
        """A leg from hip to ankle; the knee bends towards +x, or -x if `forward` is negative."""
        h = self.height_m
        knee = _joint(hip, foot, 0.245 * h, 0.25 * h, forward)
        self.rod(hip, knee, 0.048 * h, 0.036 * h, self.legs)
        self.rod(knee, foot, 0.034 * h, 0.024 * h, self.shin)
        toe = (foot[0] + 0.1 * h, foot[1], foot[2] - 0.02 * h)
        self.rods.append((foot, toe, 0.026 * h, 0.02 * h, self.shoes))

    def arm(self, shoulder: Point3, hand: Point3, forward: float = -1.0) -> None:
        h = self.height_m
        elbow = _joint(shoulder, hand, 0.165 * h, 0.165 * h, forward)
        self.rod(shoulder, elbow, 0.031 * h, 0.025 * h, self.top)
        self.rod(elbow, hand, 0.024 * h, 0.018 * h, self.sleeve)
        self.mesh.ball(hand, (0.026 * h, 0.024 * h, 0.03 * h), self.skin)

    def trunk(self, hip: Point3, neck: Point3, coat_share: float = 0.0) -> None:
        """From the hips to the shoulders, flat from front to back; a coat hangs lower."""
        h = self.height_m
        wide = 0.062 * h * self.stout
        for y in (-1.0, 0.0, 1.0):
            low = (hip[0], hip[1] + y * wide * 0.8, hip[2])
            high = (neck[0], neck[1] + y * wide, neck[2])
            self.rod(low, high, 0.058 * h, 0.056 * h, self.top)
        if coat_share:
            hem = (hip[0], hip[1], hip[2] - coat_share * h)
            self.rod(hem, (hip[0], hip[1], hip[2] + 0.05 * h), 0.12 * h, 0.09 * h, self.top)

    def head(self, neck: Point3, lean: float = 0.0, helmet: float = 0.0) -> None:
        """Head and hair, or a helmet that covers a share of it."""
        h = self.height_m
        at = (neck[0] + lean * h, neck[1], neck[2] + 0.105 * h)
        self.rods.append((neck, at, 0.032 * h, 0.032 * h, self.skin))
        self.mesh.ball(at, (0.055 * h, 0.046 * h, 0.066 * h), self.skin)
        if helmet:
            shell = self.mesh.paint(
                Material(_between(self.dice, 0.03, 0.95), gloss=_between(self.dice, 0.0, 0.8))
            )
            size = 0.062 + 0.018 * helmet
            up = 0.03 * h if helmet < 1 else 0.0
            self.mesh.ball(
                (at[0] - 0.005, at[1], at[2] + up),
                (size * h * 1.15, size * h, size * h * 0.95),
                shell,
            )
            if helmet >= 1:
                visor = self.mesh.paint(Material(0.03, gloss=0.9))
                self.mesh.ball(
                    (at[0] + 0.03 * h, at[1], at[2]), (0.058 * h, 0.05 * h, 0.03 * h), visor
                )
        elif _chance(self.dice, 0.9):
            cap = self.hair if _chance(self.dice, 0.75) else self.mesh.paint(_cloth(self.dice))
            self.mesh.ball(
                (at[0] - 0.014 * h, at[1], at[2] + 0.018 * h), (0.056 * h, 0.05 * h, 0.06 * h), cap
            )
            if _chance(self.dice, 0.3):
                self.mesh.ball(
                    (at[0] - 0.04 * h, at[1], at[2] - 0.05 * h), (0.03 * h, 0.05 * h, 0.08 * h), cap
                )

    def rucksack(self, hip: Point3, neck: Point3) -> None:
        h = self.height_m
        bag = self.mesh.paint(_cloth(self.dice))
        t = 0.62
        centre = (
            hip[0] + (neck[0] - hip[0]) * t - 0.1 * h,
            hip[1],
            hip[2] + (neck[2] - hip[2]) * t + 0.05 * h * (neck[0] - hip[0]),
        )
        self.mesh.ball(centre, (0.075 * h, 0.085 * h, 0.13 * h), bag)

    def finish(self) -> None:
        self.mesh.tubes(self.rods)


def _joint(a: Point3, b: Point3, upper: float, lower: float, forward: float) -> Point3:
    """The knee or elbow between two ends, in the plane of travel."""
    start, end = np.array(a), np.array(b)
    along = end - start
    reach = float(np.linalg.norm(along))
    if reach < 1e-6:
        return a
    along /= reach
    length = min(reach, upper + lower - 1e-4)
    t = (upper**2 - lower**2 + length**2) / (2 * length)
    out = math.sqrt(max(upper**2 - t**2, 0.0)) * forward
    side = np.array([-along[2], 0.0, along[0]])
    if side[0] < 0:
        side = -side
    norm = float(np.linalg.norm(side))
    if norm < 1e-6:
        side, norm = np.array([1.0, 0.0, 0.0]), 1.0
    knee = start + along * (t * reach / length if length else 0.0) + side / norm * out
    return (float(knee[0]), float(knee[1]), float(knee[2]))


def _pedestrian(dice: Dice) -> Mesh:
    mesh = Mesh()
    child = _chance(dice, 0.12)
    h = _between(dice, 1.0, 1.45) if child else _between(dice, 1.5, 1.95)
    body = _Body(mesh, dice, h)
    stride = 0.0 if _chance(dice, 0.2) else _between(dice, 0.1, 1.0)
    if _chance(dice, 0.06):
        stride = _between(dice, 1.2, 1.6)  # runs
    phase = _between(dice, 0, 2 * math.pi)
    swing = math.sin(phase) * stride
    hip_z = 0.53 * h - 0.02 * abs(swing) * h
    lean = _between(dice, -0.01, 0.04) * h + 0.03 * h * max(0.0, stride - 1)
    hip: Point3 = (0.0, 0.0, hip_z)
    neck: Point3 = (lean, 0.0, 0.83 * h - 0.02 * abs(swing) * h)
    spread = _between(dice, 0.045, 0.06) * h
    for side, s in ((1.0, swing), (-1.0, -swing)):
        lift = max(0.0, math.cos(phase) * side) * stride * 0.09 * h
        foot = (s * 0.2 * h - 0.03 * h, side * spread, 0.035 * h + lift)
        body.leg((0.0, side * spread, hip_z), foot)
    coat = _between(dice, 0.05, 0.3) if _chance(dice, 0.35) else 0.0
    body.trunk(hip, neck, coat)
    if _chance(dice, 0.1):  # a skirt
        skirt = mesh.paint(_cloth(dice))
        body.rod(
            (0, 0, hip_z - _between(dice, 0.12, 0.35) * h),
            (0, 0, hip_z + 0.06 * h),
            _between(dice, 0.1, 0.16) * h,
            0.085 * h,
            skirt,
        )
    busy = dice.random()
    pushes = busy < 0.1
    umbrella = 0.1 <= busy < 0.16
    phone = 0.16 <= busy < 0.26
    wide = 0.105 * h * min(body.stout, 1.15)
    for side in (1.0, -1.0):
        shoulder = (neck[0], side * wide, neck[2] - 0.01 * h)
        if pushes:
            hand = (0.24 * h, side * 0.11 * h, 0.56 * h)
        elif umbrella and side > 0:
            hand = (0.1 * h, side * 0.08 * h, 0.68 * h)
        elif phone:
            hand = (0.16 * h, side * 0.05 * h, 0.66 * h)
        else:
            hand = (
                lean - side * swing * 0.17 * h,
                side * wide * 1.15,
                neck[2] - 0.32 * h + abs(swing) * 0.03 * h,
            )
            if _chance(dice, 0.14):  # a bag in the hand
                bag = mesh.paint(_cloth(dice))
                mesh.block(
                    (hand[0] - 0.14, hand[0] + 0.14, 0.06, 0.06, max(0.06, hand[2] - 0.42)),
                    (hand[0] - 0.14, hand[0] + 0.14, 0.07, 0.07, hand[2] - 0.05),
                    bag,
                )
        body.arm(shoulder, hand)
    body.head(neck, 0.02)
    if _chance(dice, 0.25):
        body.rucksack(hip, neck)
    if umbrella:
        body.rod(
            (0.1 * h, 0.08 * h, 0.6 * h), (0.08 * h, 0.06 * h, 1.22 * h), 0.008, 0.008, body.hair
        )
        cover = mesh.paint(_cloth(dice))
        mesh.tubes(
            [
                (
                    (0.07 * h, 0.05 * h, 1.1 * h),
                    (0.07 * h, 0.05 * h, 1.2 * h),
                    _between(dice, 0.4, 0.58),
                    0.1,
                    cover,
                )
            ],
            sides=9,
        )
    if pushes:
        _pram(mesh, dice, 0.38 * h)
    elif _chance(dice, 0.06):  # a suitcase on wheels
        case = mesh.paint(_cloth(dice))
        mesh.block((-0.75, -0.5, 0.2, 0.2, 0.05), (-0.65, -0.42, 0.2, 0.2, 0.65), case)
    body.finish()
    return mesh


def _pram(mesh: Mesh, dice: Dice, x: float) -> None:
    cloth, dark = mesh.paint(_cloth(dice)), mesh.paint(_rubber(dice))
    mesh.ball((x + 0.3, 0.0, 0.55), (0.4, 0.2, 0.2), cloth)
    mesh.ball((x + 0.1, 0.0, 0.75), (0.22, 0.2, 0.22), cloth)
    for wheel_x in (x + 0.02, x + 0.62):
        for y in (-0.25, 0.25):
            mesh.hoop((wheel_x, y, 0.15), 0.13, 0.025, dark)
    rods: list[Rod] = []
    for y in (-0.25, 0.25):
        rods.append(((x - 0.15, y * 0.8, 1.0), (x + 0.6, y, 0.17), 0.014, 0.014, dark))
        rods.append(((x + 0.02, y, 0.17), (x + 0.5, y * 0.8, 0.55), 0.014, 0.014, dark))
    mesh.tubes(rods, sides=5)


# Bicycles and motorcycles


def _bicycle(dice: Dice) -> Mesh:
    mesh = Mesh()
    h = _between(dice, 1.5, 1.95) if _chance(dice, 0.92) else _between(dice, 1.15, 1.45)
    size = h / 1.75
    tyre = mesh.paint(_rubber(dice))
    frame = mesh.paint(Material(_between(dice, 0.02, 0.85), gloss=_between(dice, 0.0, 0.7)))
    metal = mesh.paint(Material(_between(dice, 0.2, 0.6), gloss=_between(dice, 0.2, 0.8)))
    radius = _between(dice, 0.3, 0.36) * min(1.0, size * 1.05)
    base = _between(dice, 0.98, 1.12) * size
    rear, front = -base * 0.47, base * 0.53
    steer = _between(dice, -0.2, 0.2)
    thick = _between(dice, 0.02, 0.034)  # tyre and rim
    for x, turn in ((rear, 0.0), (front, steer)):
        mesh.hoop((x, 0.0, radius + thick), radius, thick, tyre, turn)
        _spokes(mesh, x, radius, thick, metal, turn, dice)
    crank: Point3 = (rear + 0.42 * size, 0.0, 0.28)
    saddle: Point3 = (rear + 0.26 * size, 0.0, _between(dice, 0.86, 0.98) * size)
    post: Point3 = (
        saddle[0] + (crank[0] - saddle[0]) * 0.35,
        0.0,
        saddle[2] + (crank[2] - saddle[2]) * 0.35,
    )
    head: Point3 = (front - 0.2 * size, 0.0, 0.86 * size)
    head_low: Point3 = (front - 0.14 * size, 0.0, 0.68 * size)
    sporty = dice.random()
    bar_z = saddle[2] + (0.16 - 0.22 * sporty) * size
    bars: Point3 = (front - (0.26 - 0.12 * sporty) * size, 0.0, max(bar_z, head[2] + 0.03))
    hub_z = radius + thick
    r = _between(dice, 0.016, 0.026)
    step = _chance(dice, 0.3)  # a frame to step through
    rods: list[Rod] = [
        (crank, saddle, r, r, frame),
        (crank, head_low, r * 1.2, r * 1.2, frame),
        (
            (crank[0] - 0.04, 0, 0.5 * size) if step else post,
            head_low if step else head,
            r,
            r,
            frame,
        ),
        (head_low, bars, r, r, frame),
        (head_low, (front, 0.04, hub_z), r * 0.8, r * 0.7, frame),
        (head_low, (front, -0.04, hub_z), r * 0.8, r * 0.7, frame),
        (crank, (rear, 0.05, hub_z), r * 0.7, r * 0.6, frame),
        (crank, (rear, -0.05, hub_z), r * 0.7, r * 0.6, frame),
        (post, (rear, 0.05, hub_z), r * 0.7, r * 0.6, frame),
        (post, (rear, -0.05, hub_z), r * 0.7, r * 0.6, frame),
        (
            (bars[0] - 0.05, -0.27 * size, bars[2]),
            (bars[0] - 0.05, 0.27 * size, bars[2]),
            0.014,
            0.014,
            metal,
        ),
        ((saddle[0] - 0.13, 0, saddle[2]), (saddle[0] + 0.13, 0, saddle[2]), 0.055, 0.025, tyre),
    ]
    mesh.tubes(rods, sides=5)
    if _chance(dice, 0.5):  # mudguards
        guard = mesh.paint(Material(_between(dice, 0.02, 0.5)))
        _guard(mesh, rear, hub_z, radius + 0.05, guard)
        _guard(mesh, front, hub_z, radius + 0.05, guard)

    body = _Body(mesh, dice, h)
    hip: Point3 = (saddle[0] - 0.02, 0.0, saddle[2] + 0.09 * size)
    stands = _chance(dice, 0.06)
    if stands:
        hip = (hip[0] + 0.25, 0.0, hip[2] + 0.1)
    lean = math.radians(_between(dice, 8, 30) + 28 * sporty)
    trunk = 0.3 * h
    neck: Point3 = (hip[0] + math.sin(lean) * trunk, 0.0, hip[2] + math.cos(lean) * trunk)
    phase = _between(dice, 0, 2 * math.pi)
    coasts = _chance(dice, 0.15)
    for side in (1.0, -1.0):
        angle = (0.0 if coasts else phase) + (0.0 if side > 0 else math.pi)
        foot = (
            crank[0] + 0.17 * math.cos(angle) * size - 0.07,
            side * 0.13,
            crank[2] + 0.17 * math.sin(angle) * size + 0.05,
        )
        body.leg((hip[0], side * 0.08, hip[2]), foot)
        shoulder = (neck[0], side * 0.105 * h * min(body.stout, 1.1), neck[2] - 0.01)
        hand = (bars[0] - 0.04, side * 0.25 * size, bars[2] + 0.03)
        if _chance(dice, 0.04):  # shows where to turn
            hand = (neck[0] + 0.05, side * 0.75, neck[2] - 0.05)
        body.arm(shoulder, hand)
        mesh.tubes([(crank, (foot[0] + 0.1, side * 0.1, foot[2] - 0.06), 0.014, 0.014, metal)], 5)
    coat = _between(dice, 0.02, 0.1) if _chance(dice, 0.2) else 0.0
    body.trunk(hip, neck, coat)
    body.head(neck, 0.03, helmet=_between(dice, 0.2, 0.9) if _chance(dice, 0.5) else 0.0)
    load = dice.random()
    if load < 0.2:
        body.rucksack(hip, neck)
    elif load < 0.27:  # food in a box on the back
        crate = mesh.paint(_cloth(dice))
        x = (hip[0] + neck[0]) / 2 - 0.34
        mesh.block(
            (x - 0.2, x + 0.2, 0.22, 0.22, hip[2] + 0.12),
            (x - 0.2, x + 0.2, 0.22, 0.22, hip[2] + 0.58),
            crate,
        )
    if _chance(dice, 0.22):  # panniers
        bag = mesh.paint(_cloth(dice))
        for y in (-0.17, 0.17):
            if _chance(dice, 0.75):
                mesh.ball((rear - 0.05, y, 0.52), (0.19, 0.08, 0.2), bag)
    if _chance(dice, 0.12):  # a basket in front
        basket = mesh.paint(_cloth(dice))
        mesh.block(
            (front - 0.05, front + 0.25, 0.17, 0.2, 0.72),
            (front - 0.08, front + 0.3, 0.2, 0.22, 0.98),
            basket,
        )
    if _chance(dice, 0.08):  # a child in its seat
        _child(mesh, dice, (rear - 0.02, 0.0, 0.78))
    if _chance(dice, 0.05):  # a cargo bicycle
        box = mesh.paint(_cloth(dice))
        mesh.block(
            (front - 0.1, front + 0.55, 0.27, 0.27, 0.3),
            (front - 0.2, front + 0.7, 0.32, 0.32, 0.78),
            box,
        )
    lamp = mesh.paint(Material(0.6, lamp="head"))
    mesh.ball((bars[0] + 0.12, 0, bars[2] - 0.12), (0.035, 0.035, 0.035), lamp)
    red = mesh.paint(Material(0.15, lamp="tail"))
    mesh.ball((rear - 0.28, 0, 0.7), (0.03, 0.035, 0.035), red)
    body.finish()
    return mesh


def _spokes(
    mesh: Mesh, x: float, radius: float, thick: float, paint: int, steer: float, dice: Dice
) -> None:
    """A few spokes: as many as make the wheel as grey as a real one's."""
    first = _between(dice, 0, 1)
    hub: Point3 = (x, 0.0, radius + thick)
    rods: list[Rod] = []
    for angle in np.linspace(0, 2 * math.pi, 8, endpoint=False) + first:
        reach = math.cos(angle) * radius
        end = (
            x + reach * math.cos(steer),
            reach * math.sin(steer),
            radius + thick + math.sin(angle) * radius,
        )
        rods.append((hub, end, 0.004, 0.004, paint))
    mesh.tubes(rods, sides=3)


def _guard(mesh: Mesh, x: float, z: float, radius: float, paint: int) -> None:
    rods: list[Rod] = []
    angles = np.linspace(0.2, 2.6, 7)
    for a, b in itertools.pairwise(angles):
        rods.append(
            (
                (x - radius * math.cos(a), 0.0, z + radius * math.sin(a)),
                (x - radius * math.cos(b), 0.0, z + radius * math.sin(b)),
                0.025,
                0.025,
                paint,
            )
        )
    mesh.tubes(rods, sides=4)


def _child(mesh: Mesh, dice: Dice, seat: Point3) -> None:
    cloth, shell = mesh.paint(_cloth(dice)), mesh.paint(_cloth(dice))
    x, y, z = seat
    mesh.ball((x, y, z + 0.2), (0.13, 0.15, 0.25), cloth)
    mesh.ball((x, y, z + 0.5), (0.12, 0.11, 0.12), shell)
    mesh.block(
        (x - 0.2, x - 0.14, 0.17, 0.17, z), (x - 0.24, x - 0.18, 0.16, 0.16, z + 0.45), shell
    )


def _motorcycle(dice: Dice) -> Mesh:
    mesh = Mesh()
    scooter = _chance(dice, 0.45)
    tyre = mesh.paint(_rubber(dice))
    coat = mesh.paint(_coat(dice))
    other = mesh.paint(_coat(dice)) if _chance(dice, 0.4) else coat
    dark = mesh.paint(Material(_between(dice, 0.02, 0.12), gloss=0.2))
    metal = mesh.paint(Material(_between(dice, 0.15, 0.5), gloss=_between(dice, 0.3, 0.9)))
    seat_paint = mesh.paint(Material(_between(dice, 0.015, 0.12)))
    radius = _between(dice, 0.22, 0.28) if scooter else _between(dice, 0.28, 0.33)
    base = _between(dice, 1.2, 1.4) if scooter else _between(dice, 1.28, 1.55)
    thick = _between(dice, 0.05, 0.09)
    rear, front = -base * 0.5, base * 0.5
    steer = _between(dice, -0.12, 0.12)
    hub = radius + thick
    for x, turn, wide in ((rear, 0.0, 1.15), (front, steer, 0.9)):
        mesh.wheel((x, 0, hub), hub, thick * 2 * wide, tyre, metal, 0.68, turn)
    seat_z = _between(dice, 0.72, 0.84)
    seat_x = rear + 0.42
    bars: Point3 = (front - _between(dice, 0.3, 0.42), 0.0, _between(dice, 0.98, 1.14))
    rods: list[Rod] = [
        ((front, 0.09, hub), (bars[0], 0.07, bars[2] - 0.06), 0.03, 0.028, metal),
        ((front, -0.09, hub), (bars[0], -0.07, bars[2] - 0.06), 0.03, 0.028, metal),
        ((bars[0] - 0.05, -0.36, bars[2]), (bars[0] - 0.05, 0.36, bars[2]), 0.018, 0.018, dark),
        ((bars[0], 0.3, bars[2]), (bars[0] + 0.05, 0.36, bars[2] + 0.2), 0.01, 0.01, dark),
        ((bars[0], -0.3, bars[2]), (bars[0] + 0.05, -0.36, bars[2] + 0.2), 0.01, 0.01, dark),
        ((rear - 0.1, -0.2, hub), (0.2, -0.18, hub - 0.03), 0.06, 0.035, metal),
        (
            (seat_x - 0.42, 0, seat_z + 0.02),
            (seat_x + 0.3, 0, seat_z - 0.04),
            0.11,
            0.1,
            seat_paint,
        ),
    ]
    for y in (-0.38, 0.38):
        mesh.ball((bars[0] + 0.05, y, bars[2] + 0.2), (0.03, 0.06, 0.04), dark)
    if scooter:
        mesh.block(
            (rear - 0.2, rear + 0.72, 0.14, 0.2, 0.3),
            (rear - 0.3, rear + 0.6, 0.1, 0.17, seat_z - 0.02),
            coat,
            bulge=0.03,
        )
        mesh.block(
            (rear + 0.6, front - 0.25, 0.2, 0.2, 0.22),
            (rear + 0.6, front - 0.25, 0.2, 0.2, 0.34),
            dark,
        )
        mesh.block(
            (front - 0.42, front - 0.2, 0.2, 0.16, 0.3),
            (bars[0] - 0.06, bars[0] + 0.08, 0.22, 0.12, bars[2] - 0.05),
            other,
        )
    else:
        mesh.ball((0.14, 0, seat_z + 0.08), (0.3, 0.15, 0.16), coat)  # tank
        mesh.block((-0.28, 0.36, 0.15, 0.15, 0.28), (-0.32, 0.4, 0.14, 0.13, 0.74), dark)
        mesh.block(
            (rear - 0.05, seat_x, 0.06, 0.13, seat_z - 0.16),
            (rear - 0.22, seat_x, 0.07, 0.12, seat_z),
            coat,
        )
        if _chance(dice, 0.5):  # a fairing
            mesh.block(
                (0.1, front - 0.05, 0.17, 0.14, 0.35),
                (0.28, front - 0.12, 0.19, 0.1, bars[2] - 0.08),
                other,
                bulge=0.03,
            )
    guard = mesh.paint(mesh.materials[other])
    _guard(mesh, front, hub, hub + 0.03, guard)
    if _chance(dice, 0.4):  # a windshield
        clear = mesh.paint(_glass(dice))
        x = bars[0] + 0.1
        mesh.patch(
            (
                (x + 0.1, -0.2, bars[2] - 0.1),
                (x + 0.1, 0.2, bars[2] - 0.1),
                (x - 0.1, 0.16, bars[2] + 0.35),
                (x - 0.1, -0.16, bars[2] + 0.35),
            ),
            [[clear]],
        )
    load = dice.random()
    if load < 0.35:
        box = mesh.paint(_coat(dice))
        size = _between(dice, 0.16, 0.28)
        x, z = rear - 0.18, seat_z + 0.06
        mesh.block(
            (x - size, x + size, size, size, z),
            (
                x - size * 0.9,
                x + size * 0.9,
                size * 0.9,
                size * 0.9,
                z + size * _between(dice, 1.0, 2.0),
            ),
            box,
        )
    elif load < 0.45:
        box = mesh.paint(_coat(dice))
        for y in (-0.36, 0.36):
            mesh.ball((rear - 0.05, y, 0.62), (0.24, 0.11, 0.2), box)
    lamp = mesh.paint(
        Material(
            _between(dice, 0.5, 1.0),
            gloss=0.3,
            glow=0.8 if _chance(dice, 0.6) else 0.0,
            lamp="head",
        )
    )
    mesh.ball((bars[0] + 0.17, 0, bars[2] - 0.16), (0.06, 0.09, 0.08), lamp)
    red = mesh.paint(Material(0.15, lamp="tail"))
    mesh.ball((rear - 0.27, 0, seat_z - 0.06), (0.04, 0.09, 0.05), red)

    riders = 2 if _chance(dice, 0.14) else 1
    lean = math.radians(_between(dice, -4, 12) if scooter else _between(dice, 0, 35))
    for number in range(riders):
        h = _between(dice, 1.55, 1.92)
        body = _Body(mesh, dice, h)
        hip: Point3 = (seat_x + 0.05 - 0.36 * number, 0.0, seat_z + 0.12)
        bend = lean * (0.5 if number else 1.0)
        neck: Point3 = (hip[0] + math.sin(bend) * 0.31 * h, 0.0, hip[2] + math.cos(bend) * 0.31 * h)
        for side in (1.0, -1.0):
            if scooter:
                foot = (hip[0] + 0.48, side * 0.13, 0.4)
            else:
                foot = (hip[0] + _between(dice, -0.05, 0.3), side * 0.24, 0.38)
            body.leg((hip[0], side * 0.1, hip[2]), foot)
            shoulder = (neck[0], side * 0.11 * h, neck[2] - 0.01)
            hand = (
                (hip[0] + 0.3, side * 0.2, hip[2] + 0.15)
                if number
                else (bars[0] - 0.05, side * 0.32, bars[2] + 0.02)
            )
            body.arm(shoulder, hand)
        body.trunk(hip, neck, 0.04 if _chance(dice, 0.4) else 0.0)
        body.head(neck, 0.015, helmet=1.6 if _chance(dice, 0.92) else 0.0)
        if _chance(dice, 0.2):
            body.rucksack(hip, neck)
        body.finish()
    mesh.tubes(rods, sides=6)
    return mesh


# Cars and larger


class _Paints:
    """The materials that most vehicles need."""

    def __init__(self, mesh: Mesh, dice: Dice) -> None:
        coat = _coat(dice)
        self.coat = mesh.paint(coat)
        self.glass = mesh.paint(_glass(dice))
        self.screen = mesh.paint(_glass(dice))
        self.trim = mesh.paint(Material(_between(dice, 0.02, 0.1), gloss=0.1))
        self.under = mesh.paint(Material(0.015))
        self.tyre = mesh.paint(_rubber(dice))
        self.rim = mesh.paint(Material(_between(dice, 0.03, 0.7), gloss=_between(dice, 0.1, 0.8)))
        self.plate = mesh.paint(Material(_between(dice, 0.4, 0.9)))
        day = 0.9 if _chance(dice, 0.35) else 0.0
        self.head = mesh.paint(Material(_between(dice, 0.3, 0.9), gloss=0.6, glow=day, lamp="head"))
        brakes = 0.55 if _chance(dice, 0.25) else 0.0
        self.tail = mesh.paint(
            Material(_between(dice, 0.04, 0.25), gloss=0.3, glow=brakes, lamp="tail")
        )
        roof = dice.random()
        self.roof = (
            mesh.paint(Material(_between(dice, 0.02, 0.08), gloss=0.6))
            if roof < 0.12
            else self.coat
        )


def _lamps(
    mesh: Mesh,
    paints: _Paints,
    x: float,
    half: float,
    z: float,
    tall: float,
    wide: float,
    sign: int,
) -> None:
    """A pair of lamps and a plate at the end of a body that lies at `x`."""
    paint = paints.head if sign > 0 else paints.tail
    for y in (half - wide / 2, -half + wide / 2):
        a, b = (y - wide / 2, y + wide / 2) if sign > 0 else (y + wide / 2, y - wide / 2)
        mesh.patch(
            ((x, a, z), (x, b, z), (x - sign * 0.03, b, z + tall), (x - sign * 0.03, a, z + tall)),
            [[paint]],
        )


def _wheels(
    mesh: Mesh, paints: _Paints, axles: Sequence[float], half: float, radius: float, width: float
) -> None:
    for x in axles:
        for side in (1.0, -1.0):
            y = side * (half - width / 2 + 0.015)
            mesh.wheel(
                (x, y - side * 0.012, radius * 1.04),
                radius * 1.14,
                width,
                paints.under,
                paints.under,
            )
            mesh.wheel((x, y, radius), radius, width, paints.tyre, paints.rim)


def _hull(
    mesh: Mesh,
    stations: Sequence[tuple[float, float, float, float]],
    z_low: float,
    z_waist: float,
    paint: int,
    lower: int,
) -> None:
    """A body of cross-sections (x, half width, shoulder z, top z) from the rear to the front."""

    def section(x: float, half: float, shoulder: float, top: float) -> list[Point3]:
        return [
            (x, half * 0.9, z_low),
            (x, half, z_low + (z_waist - z_low) * 0.45),
            (x, half, z_waist),
            (x, half * 0.97, shoulder),
            (x, half * 0.82, top),
        ]

    first = None
    for before, after in itertools.pairwise(stations):
        a, b = section(*before), section(*after)
        first = first or a
        for i in range(4):
            material = lower if i == 0 else paint
            mesh.patch((b[i], a[i], a[i + 1], b[i + 1]), [[material]])
            ra, rb = [(x, -y, z) for x, y, z in a], [(x, -y, z) for x, y, z in b]
            mesh.patch((ra[i], rb[i], rb[i + 1], ra[i + 1]), [[material]])
        mesh.patch((rb[4], b[4], a[4], ra[4]), [[paint]])
    assert first is not None
    last = section(*stations[-1])
    for end, sign in ((first, -1), (last, 1)):
        for i in range(4):
            p, q = end[i], end[i + 1]
            mirror = [(x, -y, z) for x, y, z in (p, q)]
            corners = (mirror[0], p, q, mirror[1]) if sign > 0 else (p, mirror[0], mirror[1], q)
            mesh.patch(corners, [[lower if i == 0 else paint]])


def _cabin(
    mesh: Mesh,
    paints: _Paints,
    low: tuple[float, float, float, float, float],
    high: tuple[float, float, float, float, float],
    pillars: Sequence[float],
    blind: Sequence[int] = (),
    bulge: float = 0.04,
) -> None:
    """A greenhouse between two rectangles; `pillars` are shares of its side, from the rear."""
    a, b = ring(low), ring(high)
    coat, glass, screen = paints.coat, paints.glass, paints.screen
    us, row = [0.0], []
    half_pillar = 0.018
    stops = [0.0, *pillars, 1.0]
    for number, (p, q) in enumerate(itertools.pairwise(stops)):
        us += [min(p + half_pillar * (2 if p == 0 else 1), q), max(q - half_pillar, p), q]
        row += [coat if p == 0 else paints.trim, coat if number in blind else glass, paints.trim]
    row[-1] = coat
    us_clean, row_clean = [us[0]], []
    for value, material in zip(us[1:], row, strict=True):
        if value > us_clean[-1] + 1e-6:
            us_clean.append(value)
            row_clean.append(material)
    full = [coat] * len(row_clean)
    vs = (0.0, 0.07, 0.88, 1.0)
    mesh.patch((a[0], a[1], b[1], b[0]), [full, row_clean, full], us_clean, vs)
    left_us = [1 - u for u in reversed(us_clean)]
    left = row_clean[::-1]
    mesh.patch((a[2], a[3], b[3], b[2]), [full, left, full], left_us, vs)
    edge = (0.0, 0.05, 0.95, 1.0)
    window = [[coat] * 3, [coat, screen, coat], [coat] * 3]
    mesh.patch((a[1], a[2], b[2], b[1]), window, edge, (0.0, 0.04, 0.92, 1.0))
    rear = [[coat] * 3, [coat, coat if blind else glass, coat], [coat] * 3]
    mesh.patch((a[3], a[0], b[0], b[3]), rear, (0.0, 0.08, 0.92, 1.0), (0.0, 0.12, 0.85, 1.0))
    mesh.patch(b, [[paints.roof]], bulge=bulge)


def _car(dice: Dice) -> Mesh:
    mesh = Mesh()
    paints = _Paints(mesh, dice)
    shape = dice.choice(
        ["hatch", "saloon", "estate", "suv", "pickup", "sports", "small"],
        p=[0.25, 0.21, 0.13, 0.22, 0.06, 0.04, 0.09],
    )
    length, width, height = {
        "hatch": (4.2, 1.78, 1.48),
        "saloon": (4.65, 1.82, 1.45),
        "estate": (4.7, 1.83, 1.49),
        "suv": (4.5, 1.86, 1.68),
        "pickup": (5.2, 1.88, 1.8),
        "sports": (4.35, 1.85, 1.3),
        "small": (3.6, 1.65, 1.5),
    }[str(shape)]
    length *= _between(dice, 0.94, 1.07)
    width *= _between(dice, 0.96, 1.05)
    height *= _between(dice, 0.96, 1.06)
    half, end = width / 2, length / 2
    clear = 0.16 + 0.3 * max(0.0, height - 1.5)
    belt = height * _between(dice, 0.58, 0.64)
    radius = 0.3 + 0.12 * max(0.0, height - 1.35) + _between(dice, 0.0, 0.04)
    nose_z = belt * _between(dice, 0.72, 0.86)
    screen_x = end - length * _between(dice, 0.2, 0.27)  # foot of the windscreen
    roof_x = screen_x - length * _between(dice, 0.12, 0.19)
    if shape in ("hatch", "small"):
        back_x, roof_back = -end + 0.12, -end + _between(dice, 0.25, 0.6)
    elif shape == "estate":
        back_x, roof_back = -end + 0.1, -end + _between(dice, 0.2, 0.45)
    elif shape == "suv":
        back_x, roof_back = -end + 0.12, -end + _between(dice, 0.2, 0.5)
    elif shape == "pickup":
        back_x, roof_back = -end + length * 0.36, -end + length * 0.38
    else:
        back_x = -end + length * _between(dice, 0.1, 0.17)
        roof_back = back_x + length * _between(dice, 0.1, 0.16)
    boot = belt if shape not in ("saloon", "sports") else belt * _between(dice, 0.94, 1.02)
    lower = paints.trim if _chance(dice, 0.4) else paints.coat
    waist = clear + (belt - clear) * _between(dice, 0.5, 0.7)
    _hull(
        mesh,
        [
            (-end, half * 0.86, boot * 0.82, boot * 0.9),
            (-end + 0.12, half * 0.95, boot * 0.9, boot),
            (-end * 0.5, half, belt * 0.95, belt),
            (screen_x, half, belt * 0.95, belt),
            (end - 0.35, half * 0.94, nose_z * 0.96, (nose_z + belt) / 2),
            (end - 0.08, half * 0.84, nose_z * 0.86, nose_z * 0.95),
            (end, half * 0.76, nose_z * 0.7, nose_z * 0.78),
        ],
        clear,
        waist,
        paints.coat,
        lower,
    )
    pillars = (
        [0.42, 0.98]
        if shape == "pickup"
        else sorted((_between(dice, 0.2, 0.28), _between(dice, 0.52, 0.6)))
    )
    _cabin(
        mesh,
        paints,
        (back_x, screen_x, half * 0.86, half * 0.86, belt - 0.02),
        (roof_back, roof_x, half * _between(dice, 0.66, 0.74), half * 0.7, height - 0.04),
        pillars,
    )
    if shape == "pickup":
        bed = mesh.paint(Material(_between(dice, 0.02, 0.2)))
        mesh.patch(
            (
                (-end + 0.1, -half * 0.78, belt + 0.01),
                (back_x - 0.05, -half * 0.78, belt + 0.01),
                (back_x - 0.05, half * 0.78, belt + 0.01),
                (-end + 0.1, half * 0.78, belt + 0.01),
            ),
            [[bed]],
        )
        if _chance(dice, 0.4):
            load = mesh.paint(_cloth(dice))
            mesh.block(
                (-end + 0.2, back_x - 0.1, half * 0.7, half * 0.7, belt),
                (-end + 0.3, back_x - 0.2, half * 0.6, half * 0.6, belt + _between(dice, 0.2, 0.6)),
                load,
            )
    _lamps(mesh, paints, end - 0.02, half * 0.84, nose_z * 0.66, 0.14, 0.4, 1)
    _lamps(mesh, paints, -end - 0.01, half * 0.84, boot * 0.68, 0.16, 0.3, -1)
    mesh.patch(
        (
            (end + 0.005, -half * 0.4, clear + 0.12),
            (end + 0.005, half * 0.4, clear + 0.12),
            (end + 0.005, half * 0.45, nose_z * 0.66),
            (end + 0.005, -half * 0.45, nose_z * 0.66),
        ),
        [[paints.trim]],
    )
    for sign in (1.0, -1.0):
        x = sign * (end + 0.012)
        y = 0.26 * sign
        mesh.patch(
            (
                (x, -y, clear + 0.2),
                (x, y, clear + 0.2),
                (x, y, clear + 0.31),
                (x, -y, clear + 0.31),
            ),
            [[paints.plate]],
        )
    for y in (half * 0.98, -half * 0.98):
        mesh.ball((screen_x - 0.25, y, belt + 0.05), (0.08, 0.1, 0.07), paints.coat)
    _wheels(
        mesh,
        paints,
        (-end + length * _between(dice, 0.19, 0.22), end - length * 0.19),
        half,
        radius,
        0.22,
    )
    extra = dice.random()
    if extra < 0.05:
        box = mesh.paint(_coat(dice))
        mesh.block(
            (roof_back + 0.2, roof_x, 0.35, 0.3, height),
            (roof_back + 0.3, roof_x - 0.15, 0.3, 0.25, height + 0.35),
            box,
            bulge=0.05,
        )
    elif extra < 0.1:
        for y in (-half * 0.62, half * 0.62):
            mesh.tubes(
                [
                    (
                        (roof_back, y, height + 0.03),
                        (roof_x, y, height + 0.03),
                        0.02,
                        0.02,
                        paints.trim,
                    )
                ],
                4,
            )
    elif extra < 0.14:  # a taxi's sign or a blue light
        sign_paint = mesh.paint(Material(0.9, glow=0.3))
        mesh.block(
            (roof_x - 0.35, roof_x - 0.15, 0.25, 0.25, height - 0.03),
            (roof_x - 0.33, roof_x - 0.17, 0.22, 0.22, height + 0.12),
            sign_paint,
        )
    if _chance(dice, 0.06):  # a band along the side, or another colour of the bonnet
        other = mesh.paint(_coat(dice))
        for sign in (1.0, -1.0):
            y = sign * (half + 0.004)
            xs = (-end * 0.8, screen_x) if sign < 0 else (screen_x, -end * 0.8)
            mesh.patch(
                (
                    (xs[0], y, waist * 0.7),
                    (xs[1], y, waist * 0.7),
                    (xs[1], y, waist),
                    (xs[0], y, waist),
                ),
                [[other]],
            )
    return mesh


def _van(dice: Dice) -> Mesh:
    mesh = Mesh()
    paints = _Paints(mesh, dice)
    if _chance(dice, 0.5):
        mesh.materials[paints.coat] = Material(
            _between(dice, 0.6, 0.95), gloss=_between(dice, 0.1, 0.6)
        )
    small = _chance(dice, 0.35)
    if small:
        length, width, height = (
            _between(dice, 4.2, 4.9),
            _between(dice, 1.75, 1.9),
            _between(dice, 1.78, 1.95),
        )
    else:
        length, width, height = (
            _between(dice, 4.9, 7.0),
            _between(dice, 1.92, 2.1),
            _between(dice, 1.95, 2.85),
        )
    half, end = width / 2, length / 2
    clear, radius = 0.22, _between(dice, 0.31, 0.37)
    belt = _between(dice, 1.0, 1.2)
    nose = _between(dice, 0.35, 0.85)
    screen_x = end - nose
    rake = _between(dice, 0.35, 0.8)
    _hull(
        mesh,
        [
            (-end, half * 0.97, belt * 0.97, belt),
            (-end + 0.05, half, belt * 0.98, belt),
            (screen_x, half, belt * 0.98, belt),
            (end - 0.12, half * 0.93, belt * 0.8, belt * 0.86),
            (end, half * 0.84, belt * 0.66, belt * 0.72),
        ],
        clear,
        belt * 0.6,
        paints.coat,
        paints.trim if _chance(dice, 0.5) else paints.coat,
    )
    windows = _chance(dice, 0.35)
    roof_x = screen_x - rake
    door = (roof_x - 0.9 + end) / (length - nose)
    pillars = [0.3, 0.55, door] if windows else [0.35, door]
    pillars = sorted(p for p in pillars if 0.1 < p < 0.93)
    blind = () if windows else tuple(range(len(pillars)))
    _cabin(
        mesh,
        paints,
        (-end + 0.02, screen_x, half * 0.99, half * 0.97, belt),
        (
            -end + _between(dice, 0.03, 0.15),
            roof_x,
            half * _between(dice, 0.86, 0.94),
            half * 0.86,
            height - 0.04,
        ),
        pillars,
        blind,
    )
    _lamps(mesh, paints, end + 0.01, half * 0.88, belt * 0.55, 0.22, 0.32, 1)
    _lamps(mesh, paints, -end - 0.012, half * 0.96, belt * 0.75, 0.4, 0.14, -1)
    if _chance(dice, 0.5):
        for y in (-0.42, 0.42):
            mesh.patch(
                (
                    (-end - 0.014, y + 0.3, belt + 0.12),
                    (-end - 0.014, y - 0.3, belt + 0.12),
                    (-end + 0.02, y - 0.28, min(belt + 0.6, height - 0.2)),
                    (-end + 0.02, y + 0.28, min(belt + 0.6, height - 0.2)),
                ),
                [[paints.glass]],
            )
    _wheels(mesh, paints, (-end + length * 0.2, end - nose * 0.5 - 0.3), half, radius, 0.24)
    for y in (half * 1.06, -half * 1.06):
        mesh.ball((screen_x - 0.3, y, belt + 0.2), (0.07, 0.11, 0.16), paints.trim)
    extra = dice.random()
    if extra < 0.12:  # a ladder
        rail = mesh.paint(Material(_between(dice, 0.3, 0.8), gloss=0.5))
        rods: list[Rod] = []
        for y in (-0.3, 0.15):
            rods.append(
                ((-end + 0.2, y, height + 0.12), (roof_x, y, height + 0.12), 0.035, 0.035, rail)
            )
        for x in np.linspace(-end + 0.3, roof_x - 0.1, 9):
            rods.append(
                ((float(x), -0.3, height + 0.12), (float(x), 0.15, height + 0.12), 0.02, 0.02, rail)
            )
        mesh.tubes(rods, sides=4)
    if _chance(dice, 0.35):  # lettering on the side
        _letters(mesh, dice, half + 0.006, -end * 0.8, roof_x - 1.0, belt * 0.55, belt)
    return mesh


def _letters(mesh: Mesh, dice: Dice, y: float, x0: float, x1: float, z0: float, z1: float) -> None:
    """Blocks of paint on both sides, as lettering and advertisements look from afar."""
    for side in (1.0, -1.0):
        for _ in range(int(dice.integers(1, 5))):
            paint = mesh.paint(Material(_between(dice, 0.03, 0.9), gloss=0.2))
            a, b = sorted(dice.uniform(x0, x1, 2).tolist())
            c, d = sorted(dice.uniform(z0, z1, 2).tolist())
            xs = (b, a) if side > 0 else (a, b)
            mesh.patch(
                (
                    (xs[0], side * y, c),
                    (xs[1], side * y, c),
                    (xs[1], side * y, d),
                    (xs[0], side * y, d),
                ),
                [[paint]],
            )


def _bus_body(
    mesh: Mesh, dice: Dice, paints: _Paints, length: float, width: float, height: float, front: bool
) -> None:
    """One section of a bus, its middle at the origin; the front one has a windscreen."""
    half, end = width / 2, length / 2
    low = _between(dice, 0.28, 0.38)
    coat, glass = paints.coat, paints.glass
    band = mesh.paint(_coat(dice)) if _chance(dice, 0.4) else coat
    decks = 2 if height > 3.8 else 1
    sill = _between(dice, 0.9, 1.5)
    vs, rows = [0.0], []
    panes = max(3, round(length / _between(dice, 1.1, 2.0)))
    us = [0.0]
    cells = []
    pillar = _between(dice, 0.03, 0.12) / length
    for number in range(panes):
        right = (number + 1) / panes
        us += [right - pillar, right]
        cells += [glass, coat if _chance(dice, 0.3) else paints.trim]
    doors = {panes - 1, panes // 2} if _chance(dice, 0.8) else set()
    solid = [band] * len(cells)
    full = [coat] * len(cells)
    kerb = [glass if (i // 2) in doors and i % 2 == 0 else band for i in range(len(cells))]
    for deck in range(decks):
        floor = low + deck * (height - low) * 0.5
        top = low + (deck + 1) * (height - low) / decks
        z0 = floor + (sill - low if deck == 0 else _between(dice, 0.5, 0.7))
        z1 = top - _between(dice, 0.2, 0.5)
        vs += [(z0 - low) / (height - low), (z1 - low) / (height - low)]
        rows += [solid if deck == 0 else full, cells]
    vs.append(1.0)
    rows.append(full)
    kerb_rows = [kerb if i == 0 else row for i, row in enumerate(rows)]
    a = ring((-end, end, half, half * 0.98, low))
    b = ring(
        (-end + 0.06, end - _between(dice, 0.05, 0.4), half * 0.98, half * 0.96, height - 0.08)
    )
    mesh.patch((a[0], a[1], b[1], b[0]), kerb_rows, us, vs)
    back_us = [1 - u for u in reversed(us)]
    mesh.patch((a[2], a[3], b[3], b[2]), [row[::-1] for row in rows], back_us, vs)
    roof = (
        mesh.paint(Material(_between(dice, 0.3, 0.95), gloss=0.2)) if _chance(dice, 0.6) else coat
    )
    mesh.patch(b, [[roof]], bulge=0.08)
    if front:
        sign = mesh.paint(Material(0.05, glow=_between(dice, 0.0, 0.6)))
        z_sign = 1 - _between(dice, 0.08, 0.14) * (1 if decks == 1 else 0.5)
        screens = [[coat] * 3, [coat, paints.screen, coat], [coat, sign, coat], [coat] * 3]
        if decks == 2:
            screens = [
                [coat] * 3,
                [coat, paints.screen, coat],
                [coat, sign, coat],
                [coat, paints.screen, coat],
                [coat] * 3,
            ]
            mesh.patch(
                (a[1], a[2], b[2], b[1]),
                screens,
                (0, 0.05, 0.95, 1.0),
                (0.0, 0.2, 0.45, 0.54, 0.9, 1.0),
            )
        else:
            mesh.patch(
                (a[1], a[2], b[2], b[1]),
                screens,
                (0, 0.05, 0.95, 1.0),
                (0.0, 0.3, z_sign - 0.02, 0.97, 1.0),
            )
        _lamps(mesh, paints, end + 0.02, half * 0.9, 0.55, 0.25, 0.4, 1)
        for y in (half + 0.15, -half - 0.15):
            mesh.ball((end + 0.05, y, min(height, 3.0) * 0.72), (0.08, 0.1, 0.22), paints.trim)
    else:
        mesh.patch((a[1], a[2], b[2], b[1]), [[paints.trim]])
    rear = [[coat] * 3, [coat, glass if _chance(dice, 0.8) else coat, coat], [coat] * 3]
    mesh.patch((a[3], a[0], b[0], b[3]), rear, (0, 0.12, 0.88, 1.0), (0.0, 0.5, 0.85, 1.0))
    _lamps(mesh, paints, -end - 0.02, half * 0.94, 0.6, 0.5, 0.22, -1)
    if decks == 1 and _chance(dice, 0.7):
        unit = mesh.paint(Material(_between(dice, 0.3, 0.9)))
        for _ in range(int(dice.integers(1, 3))):
            x = _between(dice, -end * 0.7, end * 0.5)
            mesh.block(
                (x - 0.8, x + 0.8, half * 0.6, half * 0.6, height - 0.05),
                (x - 0.7, x + 0.7, half * 0.55, half * 0.55, height + _between(dice, 0.1, 0.3)),
                unit,
            )
    if _chance(dice, 0.4):
        _letters(mesh, dice, half + 0.005, -end * 0.85, end * 0.7, low + 0.1, sill)


def _bus(dice: Dice) -> Mesh:
    mesh = Mesh()
    paints = _Paints(mesh, dice)
    shape = dice.random()
    if shape < 0.22:
        length, height = _between(dice, 9.5, 11.5), _between(dice, 4.1, 4.45)
    elif shape < 0.42:
        length, height = _between(dice, 11, 13.5), _between(dice, 3.3, 3.75)
    elif shape < 0.52:
        length, height = _between(dice, 6.5, 8.5), _between(dice, 2.7, 3.0)
    else:
        length, height = _between(dice, 9.5, 12.5), _between(dice, 2.9, 3.3)
    width = _between(dice, 2.4, 2.58) if length > 8.5 else _between(dice, 2.1, 2.4)
    radius = 0.48 if length > 8.5 else 0.4
    if 0.52 <= shape < 0.66:  # articulated
        bend = _between(dice, -0.5, 0.5) if _chance(dice, 0.5) else 0.0
        head, tail = Mesh(), Mesh()
        head_paints, tail_paints = _Paints(head, dice), _Paints(tail, dice)
        shared = min(len(head.materials), len(tail.materials))
        tail.materials[:shared] = head.materials[:shared]
        _bus_body(head, dice, head_paints, 9.5, width, height, front=True)
        _wheels(head, head_paints, (-2.5, 2.4), width / 2, radius, 0.3)
        _bus_body(tail, dice, tail_paints, 6.8, width, height, front=False)
        _wheels(tail, tail_paints, (-0.6,), width / 2, radius, 0.3)
        mesh.merge(head, 0.0, (3.6, 0.0, 0.0))
        joint = -1.6
        mesh.merge(tail, bend, (joint - 3.6 * math.cos(bend), -3.6 * math.sin(bend), 0.0))
        bellows = mesh.paint(Material(_between(dice, 0.02, 0.15)))
        mesh.block(
            (joint - 0.7, joint + 0.7, width * 0.44, width * 0.44, 0.4),
            (joint - 0.7, joint + 0.7, width * 0.43, width * 0.43, height - 0.15),
            bellows,
        )
        return mesh
    _bus_body(mesh, dice, paints, length, width, height, front=True)
    _wheels(
        mesh,
        paints,
        (-length * _between(dice, 0.2, 0.28), length / 2 - _between(dice, 1.3, 2.7)),
        width / 2,
        radius,
        0.3,
    )
    return mesh


def _cab(
    mesh: Mesh, dice: Dice, paints: _Paints, front: float, half: float, height: float
) -> float:
    """The cab of a truck that ends at x = `front`; returns where its back is."""
    deep = _between(dice, 1.5, 2.3)
    back = front - deep
    low = 0.45
    belt = low + (height - low) * _between(dice, 0.4, 0.5)
    nose = _between(dice, 0.4, 1.2) if _chance(dice, 0.2) else 0.0  # a bonnet in front
    face = front - nose
    mesh.block(
        (back, front, half, half * 0.96, low),
        (back, front - 0.05, half, half * 0.95, belt),
        paints.coat,
    )
    _cabin(
        mesh,
        paints,
        (back, face - 0.02, half, half * 0.96, belt),
        (back, face - _between(dice, 0.1, 0.4), half * 0.96, half * 0.9, height),
        [0.4] if deep > 1.8 else [],
        (0,) if deep > 1.8 else (),
        bulge=0.06,
    )
    grille = paints.trim if _chance(dice, 0.6) else paints.coat
    x = front + 0.01
    mesh.patch(
        (
            (x, -half * 0.6, low + 0.15),
            (x, half * 0.6, low + 0.15),
            (x - 0.04, half * 0.6, belt - 0.1),
            (x - 0.04, -half * 0.6, belt - 0.1),
        ),
        [[grille]],
    )
    _lamps(mesh, paints, x + 0.01, half * 0.92, low + 0.1, 0.25, 0.36, 1)
    for y in (half + 0.16, -half - 0.16):
        mesh.ball((face - 0.1, y, belt + 0.45), (0.07, 0.1, 0.28), paints.trim)
    if _chance(dice, 0.3):  # a deflector on the roof
        mesh.block(
            (back, face - 0.5, half * 0.85, half * 0.7, height),
            (back, back + 0.3, half * 0.85, half * 0.85, height + _between(dice, 0.3, 0.9)),
            paints.coat,
        )
    return back


def _load(mesh: Mesh, dice: Dice, paints: _Paints, back: float, front: float, half: float) -> None:
    """What a truck or trailer carries between two x: box, tipper, flatbed, tank or drum."""
    bed = _between(dice, 0.95, 1.25)
    skin = mesh.paint(
        Material(_between(dice, 0.6, 0.95), 0.15) if _chance(dice, 0.5) else _coat(dice)
    )
    chassis = mesh.paint(Material(_between(dice, 0.02, 0.12)))
    mesh.block(
        (back, front, half * 0.45, half * 0.45, 0.5),
        (back, front, half * 0.45, half * 0.45, bed),
        chassis,
    )
    mesh.block((back, front, half, half, bed - 0.18), (back, front, half, half, bed), chassis)
    shape = dice.random()
    if shape < 0.52:
        top = _between(dice, 2.6, 4.0)
        mesh.block((back, front, half, half, bed), (back, front, half, half, top), skin, bulge=0.05)
        if _chance(dice, 0.6):
            _letters(mesh, dice, half + 0.02, back + 0.2, front - 0.2, bed + 0.3, top - 0.2)
        if _chance(dice, 0.4):  # ribs of a curtain
            rib = mesh.paint(Material(_between(dice, 0.1, 0.8)))
            for x in np.linspace(back + 0.3, front - 0.3, int(dice.integers(4, 10))):
                for sign in (1.0, -1.0):
                    y = sign * (half + 0.012)
                    a, b = float(x) - 0.03 * -sign, float(x) + 0.03 * -sign
                    mesh.patch(((a, y, bed), (b, y, bed), (b, y, top), (a, y, top)), [[rib]])
    elif shape < 0.68:  # tipper
        top = bed + _between(dice, 0.6, 1.4)
        mesh.block(
            (back, front, half, half, bed), (back - 0.15, front, half, half, top), skin, top=chassis
        )
        heap = mesh.paint(Material(_between(dice, 0.05, 0.5)))
        if _chance(dice, 0.6):
            middle = (back + front) / 2
            mesh.ball(
                (middle, 0.0, top - 0.1),
                ((front - back) * 0.46, half * 0.9, _between(dice, 0.15, 0.7)),
                heap,
            )
    elif shape < 0.84:  # flatbed with something on it
        mesh.block(
            (front - 0.1, front, half, half, bed), (front - 0.1, front, half, half, bed + 0.8), skin
        )
        x = back + 0.1
        while x < front - 0.8:
            long = _between(dice, 0.6, 2.5)
            piece = mesh.paint(_cloth(dice))
            stop = min(x + long, front - 0.2)
            if _chance(dice, 0.8):
                wide = half * _between(dice, 0.5, 0.95)
                mesh.block(
                    (x, stop, wide, wide, bed),
                    (x, stop, wide, wide, bed + _between(dice, 0.3, 1.7)),
                    piece,
                )
            x = stop + 0.1
    elif shape < 0.93:  # tank
        radius = half * 0.9
        metal = mesh.paint(Material(_between(dice, 0.4, 0.9), gloss=_between(dice, 0.3, 1.0)))
        mesh.tubes(
            [
                (
                    (back + 0.3, 0, bed + radius),
                    (front - 0.3, 0, bed + radius),
                    radius,
                    radius,
                    metal,
                )
            ],
            14,
        )
    else:  # concrete
        drum = mesh.paint(_coat(dice))
        mesh.tubes(
            [
                (
                    (back + 0.4, 0, bed + 1.6),
                    (front - 0.4, 0, bed + 1.0),
                    half * 0.55,
                    half * 0.95,
                    drum,
                )
            ],
            12,
        )
    _lamps(mesh, paints, back - 0.02, half * 0.95, bed - 0.3, 0.18, 0.4, -1)


def _truck(dice: Dice) -> Mesh:
    mesh = Mesh()
    paints = _Paints(mesh, dice)
    if _chance(dice, 0.3):  # tractor and trailer
        half = 1.25
        height = _between(dice, 2.9, 3.8)
        tractor = Mesh()
        own = _Paints(tractor, dice)
        _cab(tractor, dice, own, 3.0, half * 0.98, height)
        chassis = tractor.paint(Material(0.05))
        tractor.block((-3.0, 1.5, 0.5, 0.5, 0.5), (-3.0, 1.5, 0.5, 0.5, 0.95), chassis)
        _wheels(tractor, own, (-1.9, 1.7), half, 0.5, 0.35)
        length = _between(dice, 9.0, 13.6)
        trailer = Mesh()
        hind = _Paints(trailer, dice)
        _load(trailer, dice, hind, -length, 0.8, half)
        _wheels(trailer, hind, (-length + 1.2, -length + 2.5, -length + 3.8), half, 0.48, 0.35)
        bend = _between(dice, -0.7, 0.7) if _chance(dice, 0.35) else 0.0
        mesh.merge(tractor, 0.0, (length / 2 - 1.0, 0.0, 0.0))
        mesh.merge(trailer, bend, (length / 2 - 3.2, 0.0, 0.0))
        return mesh
    length = _between(dice, 5.8, 10.5)
    half = _between(dice, 1.05, 1.25)
    height = _between(dice, 2.3, 3.2)
    end = length / 2
    back = _cab(mesh, dice, paints, end, half * 0.98, height)
    _load(mesh, dice, paints, -end, back - _between(dice, 0.08, 0.3), half)
    radius = _between(dice, 0.4, 0.52)
    axles = [-end + length * _between(dice, 0.17, 0.25), end - _between(dice, 0.7, 1.3)]
    if length > 8:
        axles.append(axles[0] + 1.25)
    _wheels(mesh, paints, axles, half, radius, 0.34)
    return mesh


_MAKERS: tuple[Callable[[Dice], Mesh], ...] = (
    _pedestrian,
    _bicycle,
    _motorcycle,
    _car,
    _van,
    _bus,
    _truck,
)
