"""Fake node: a node in memory, with one street, for the tests of the console."""

import dataclasses
import datetime
import hashlib
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import argon2

from placewatch.core.acts import Actor, Role, User
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.core.kinds import ConflictType, Direction, Kind
from placewatch.core.time import Clock, SystemClock, UtcMicros
from placewatch.node.config import LinkSettings
from placewatch.node.links import LinksView, LinkView
from placewatch.node.live import Live
from placewatch.node.vehicles import FeedView, TransitView, VehicleView
from placewatch.node.views import (
    CameraPulse,
    CameraView,
    ConflictSpot,
    ConflictSum,
    GroundCheck,
    GroundPoint,
    GroundPointCheck,
    HealthHistory,
    HealthView,
    LineTotals,
    LineView,
    MovementSum,
    NoticeView,
    PlaceView,
    PositionView,
    Profile,
    ProfileSeries,
    Pulse,
    RoadCheck,
    Setup,
    ShapeCheck,
    SiteView,
    Totals,
)
from placewatch.register.journal import Journal

STREET = CameraId("street")
AT = UtcMicros(1_795_428_000_000_000)
JPEG = b"\xff\xd8" + hashlib.sha256(b"a street").digest() + b"\xff\xd9"
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "four random words here"


def user(name: str, role: Role) -> User:
    """A user with PASSWORD, hashed cheaply."""
    return User(name, role, CHEAP.hash(PASSWORD), AT)


def users() -> list[User]:
    """One of each role, named by it."""
    return [user(role, role) for role in (Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR)]


class FakeUsers:
    def __init__(self, users: Iterable[User] = ()) -> None:
        self.users = {user.name: user for user in users}

    def get(self, name: str) -> User | None:
        return self.users.get(name)

    def all(self) -> Sequence[User]:
        return list(self.users.values())


class FakeNode:
    """A node whose camera `street` has one line, and whose store is made up."""

    def __init__(
        self, folder: Path, users: Iterable[User] = (), clock: Clock | None = None
    ) -> None:
        self.clock = clock or SystemClock()
        self.journal = Journal(folder / "journal.jsonl", self.clock)
        self.users = FakeUsers(users)
        self.live = Live()
        self.saved: list[tuple[CameraId, Setup, Actor]] = []
        self.fails: Exception | None = None
        self.backdrop: tuple[bytes, UtcMicros] | None = (JPEG, AT)
        self.pulses = 0
        self.linked: tuple[LinkSettings, ...] = ()
        self.times_missing: str | None = None
        self._setup = Setup((LineView("East arm", (660, 210), (690, 408)),), (), None)
        self._lock = threading.Lock()

    def site(self) -> SiteView:
        view = self.camera(STREET)
        assert view is not None
        return SiteView("Kista", "0.1.0", True, AT, None, (view,))

    def transit(self) -> TransitView:
        bus = VehicleView("0af3", "4", 59.4, 17.9, 12.5, 95.0, AT)
        feed = FeedView(
            "Buses", "Kista Transit", "Kista Transit, CC0", "fresh", AT, None, (), 15, 120, 600,
            (bus,),
        )  # fmt: skip
        return TransitView(AT, (feed,))

    def pulse(self) -> Pulse:
        self.pulses += 1
        street = CameraPulse(STREET, "watching", None, AT, None, AT, _HEALTH, self._totals())
        return Pulse(self.clock.utc(), (street,))

    def camera(self, camera: CameraId) -> CameraView | None:
        if camera != STREET:
            return None
        with self._lock:
            setup = self._setup
        return CameraView(
            id=STREET,
            place="Stationsplein, north-east",
            state="watching",
            why=None,
            since=AT,
            retry_in_s=None,
            position=PositionView(59.4, 17.9, 40.0, 62.0, 60.0),
            width_px=1280,
            height_px=720,
            notice=NoticeView(
                "safety", "road act", "Kista", "a@b.example", datetime.date(2027, 6, 30)
            ),
            detector="motion",
            lines=setup.lines,
            areas=setup.areas,
            ground=setup.ground,
            backdrop=None,
            health=_HEALTH,
            totals=self._totals(),
            approaches=setup.approaches or (),
            carriageways=setup.carriageways or (),
        )

    def backdrop_jpeg(self, camera: CameraId) -> tuple[bytes, UtcMicros] | None:
        return self.backdrop

    def profile(self, camera: CameraId, since: UtcMicros, until: UtcMicros, step_s: int) -> Profile:
        at = tuple(UtcMicros(t) for t in range(since, until, step_s * 1_000_000))
        unknown = tuple(None for _ in at)
        series = ProfileSeries("East arm", Kind.CAR, Direction.LEFT_TO_RIGHT, unknown, unknown)
        return Profile(step_s, at, tuple(0.0 for _ in at), (series,))

    def health(
        self, camera: CameraId, since: UtcMicros, until: UtcMicros, step_s: int
    ) -> HealthHistory:
        at = tuple(UtcMicros(t) for t in range(since, until, step_s * 1_000_000))
        none = tuple(None for _ in at)
        covered = tuple(0.0 for _ in at)
        return HealthHistory(step_s, at, covered, none, none, none, none, none, none, none)

    def place(self, camera: CameraId, since: UtcMicros, until: UtcMicros) -> PlaceView | None:
        moved = MovementSum("North", "East", 3)
        conflict = ConflictSum(ConflictType.CROSSING, 2, 5)
        spot = ConflictSpot(100.0, 200.0, 1.0)
        return PlaceView(since, until, 60.0, (moved,), (), (conflict,), (spot,))

    def site_report(self, camera: CameraId, since: UtcMicros, until: UtcMicros) -> str | None:
        return f"<!doctype html><title>{camera}</title>"

    def check_ground(self, camera: CameraId, points: Sequence[GroundPoint]) -> GroundCheck:
        checks = tuple(GroundPointCheck(None, None) for _ in points)
        if len(points) < 4:
            return GroundCheck(False, "it takes 4 points", None, checks, ())
        return GroundCheck(True, None, 0.12, checks, (((0.0, 0.0), (10.0, 0.0)),))

    def check_road(self, camera: CameraId, setup: Setup) -> RoadCheck:
        found = ShapeCheck(None, None, "40 m long, 1 lane of 3.2 m", None, ((1.0, 2.0),), 3.2)
        return RoadCheck(
            tuple(found for _ in setup.approaches or ()),
            tuple(found for _ in setup.carriageways or ()),
        )

    def links(self) -> LinksView:
        return LinksView(
            tuple(LinkView(**dataclasses.asdict(link)) for link in self.linked),
            missing=self.times_missing,
        )

    def save_links(self, links: Sequence[LinkSettings], actor: Actor) -> None:
        if self.fails:
            raise self.fails
        self.linked = tuple(links)

    def save_setup(self, camera: CameraId, setup: Setup, actor: Actor) -> None:
        if self.fails:
            raise self.fails
        if any(line.name == "forbidden" for line in setup.lines):
            raise Misconfigured("the TOML cannot be written", hint="is the disk full?")
        with self._lock:
            self._setup = setup
        self.saved.append((camera, setup, actor))
        self.live.setup(camera)

    def _totals(self) -> Totals:
        none = {kind: 0 for kind in Kind}
        lines = [LineTotals(line.name, none, none, None, None) for line in self._setup.lines]
        return Totals(AT, tuple(lines))


_HEALTH = HealthView(25.0, 8.3, 0.18, 0, 0, 0, 0, 0, 0, None, None)
