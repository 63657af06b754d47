"""Mock node: answers as docs/spec/console-api.md says, from a street made up in memory.

For developing the console and for its tests: `python tests/browser/mock_node.py --scenario lost`,
then open the address that it prints. Not the product: nothing here is measured.
"""

import argparse
import datetime
import io
import json
import math
import mimetypes
import queue
import random
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).parents[2]))  # also when it is run as a program

from tests.browser.mock_journeys import journeys, last_times
from tests.browser.mock_road import APPROACH, CARRIAGEWAY, LINK, check_road
from tests.browser.mock_transit import MockTransit

STATIC = Path(__file__).parents[2] / "src/placewatch/console/static"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:"
)
KINDS = ("pedestrian", "bicycle", "motorcycle", "car", "van", "bus", "truck", "unknown")
DIRECTIONS = ("left_to_right", "right_to_left")
WIDTH_PX, HEIGHT_PX = 1280, 720
WAITING_PX = [[200, 600], [330, 590], [300, 690], [150, 700]]
SCENARIOS = (
    "day", "fresh", "starting", "learning", "lost", "ended", "refused", "failed", "empty", "late",
    "mapless", "sign-in", "viewer", "no-lines", "bare", "noted",
    "asleep", "carried", "junction", "transit", "silent-transit", "linked", "road", "river",
    "crowded", "starved",
)  # fmt: skip

ASLEEP = (
    "Only key frames are decoded while nobody is there; movement wakes it. Asleep 61 % of the "
    "time. Of 212 passages checked in full, 0 would have been missed: at most 1.5 % are."
)
STARVED = (
    "96 % of the frames of the last half minute were skipped, because this machine does not keep "
    "up: whoever passes meanwhile may be missed."
)
CARRIED = (
    "The small stream is analysed. Every frame is decoded. The main stream is carried undecoded."
)

Json = dict[str, Any]


def rfc3339(at_s: float) -> str:
    moment = datetime.datetime.fromtimestamp(at_s, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_s() -> float:
    return time.time()  # noqa: TID251 - a mock has no clock of its own


@dataclass(frozen=True)
class Lane:
    """A way through the picture: who goes there, how fast, and how often."""

    path_px: tuple[tuple[float, float], ...]
    kinds: tuple[str, ...]
    speed_m_s: float
    every_s: float
    length_m: float


@dataclass
class Walker:
    """One made-up road user on its way along a lane."""

    id: str
    kind: str
    lane: Lane
    speed_m_s: float
    gone_m: float = 0.0
    last_px: tuple[float, float] | None = None

    def at_px(self, gone_m: float | None = None) -> tuple[float, float]:
        share = (self.gone_m if gone_m is None else gone_m) / self.lane.length_m
        path = self.lane.path_px
        spot = min(max(share, 0.0), 0.9999) * (len(path) - 1)
        step = int(spot)
        (ax, ay), (bx, by) = path[step], path[step + 1]
        return ax + (bx - ax) * (spot - step), ay + (by - ay) * (spot - step)


CARS = ("car", "car", "car", "car", "van", "truck", "bus", "motorcycle")
LANES = (
    Lane(((-90, 480), (640, 440), (1370, 400)), CARS, 12.0, 3.1, 90),
    Lane(((1370, 470), (640, 520), (-120, 575)), CARS, 11.0, 3.7, 90),
    Lane(((660, -40), (690, 240), (760, 420), (830, 780)), ("car", "car", "van"), 6.0, 8.0, 70),
    Lane(((300, 720), (400, 560), (470, 350), (520, 250)), ("pedestrian",), 1.4, 6.0, 26),
    Lane(((545, 250), (500, 360), (430, 560), (350, 730)), ("pedestrian",), 1.2, 7.5, 26),
    Lane(((940, 250), (1040, 262), (1300, 240)), ("pedestrian", "unknown"), 1.3, 9.0, 30),
    Lane(((-60, 640), (420, 590), (700, 560), (1340, 505)), ("bicycle",), 4.8, 7.0, 80),
)  # fmt: skip
SIZES_PX = {
    "pedestrian": (20, 58), "bicycle": (48, 60), "motorcycle": (56, 56), "car": (118, 58),
    "van": (132, 78), "bus": (250, 110), "truck": (210, 100), "unknown": (36, 40),
}  # fmt: skip


@dataclass
class Post:
    """One made-up camera: what it says of itself, and its street."""

    id: str
    place: str
    purpose: str
    position: Json | None
    lines: list[Json]
    areas: list[Json] = field(default_factory=list)
    ground: Json | None = None
    approaches: list[Json] = field(default_factory=list)
    carriageways: list[Json] = field(default_factory=list)
    state: str = "watching"
    why: str | None = None
    since_s: float = field(default_factory=now_s)
    retry_in_s: float | None = None
    lateness_s: float = 0.18
    skipped_share: float = 0.0
    known_share: float = 0.97
    backdrop_s: float | None = None
    empty: bool = False
    calibrated: bool = True
    until: str = "2027-06-30"
    frames: int = 0
    losses: int = 0
    last_loss_s: float | None = None
    decoded: str = "Every frame is decoded."
    notes: list[str] = field(default_factory=list)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    missed: int = 0
    walkers: list[Walker] = field(default_factory=list)
    sized: bool = True
    revision: str = "r1"
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def count(self, line: str, direction: str, kind: str, by: int = 1) -> None:
        key = (line, direction, kind)
        self.counts[key] = self.counts.get(key, 0) + by


class MockNode:
    """A node without cameras. Tests change its `posts` and switches while a page looks at it."""

    def __init__(self, scenario: str = "day", seed: int = 4) -> None:
        assert scenario in SCENARIOS, scenario
        self.scenario = scenario
        self.dice = random.Random(seed)
        self.started_s = now_s() - (90 if scenario == "fresh" else 8 * 3600)
        self.users = {"ada": ("lovelace", "technician"), "vera": ("rubin", "viewer")}
        self.required = scenario in ("sign-in", "viewer")
        self.role_without = "technician"
        self.demo = scenario in ("fresh", "day")
        self.mapless = scenario in ("mapless", "bare")
        self.silent = False  # answers nothing at all, as a node that was cut off
        self.frozen = False  # nobody moves: two screenshots are the same
        self.saved: list[Json] = []
        self.asked: list[str] = []
        self.posts = self._posts()
        self.links: list[Json] = [dict(LINK)] if scenario in ("linked", "road") else []
        self.links_revision = "l1"
        self.links_missing: str | None = None
        self.place_damaged: str | None = None
        self.feeds = [MockTransit()] if scenario in ("transit", "silent-transit") else []
        if scenario == "silent-transit":
            self.feeds[0].fall_silent(
                now_s(), "The server gtfs.example.org did not answer within 10 s (it may be away)."
            )
        self._subscribers: set[queue.Queue[tuple[str, Json]]] = set()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._pictures: dict[str, bytes] = {}
        handler = type("Handler", (_Handler,), {"node": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self._threads = [
            threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._live, daemon=True),
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "MockNode":
        for _ in range(600):  # a street that is half a minute old
            self._move(0.05)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.server.shutdown()
        self.server.server_close()

    # What it says -----------------------------------------------------------------------------

    def _posts(self) -> list[Post]:
        def position(east: float, north: float, bearing: float) -> Json:
            return {
                "latitude_deg": 59.4036 + north / 111_195,
                "longitude_deg": 17.9442 + east / 56_600,
                "bearing_deg": bearing,
                "angle_deg": 62.0,
                "range_m": 60.0,
            }

        lines = [
            {"name": "East arm", "from_px": [900, 300], "to_px": [960, 545]},
            {"name": "North arm", "from_px": [560, 110], "to_px": [800, 118]},
            {"name": "Crossing", "from_px": [350, 480], "to_px": [560, 470]},
        ]
        if self.scenario == "junction":
            arms = ("East", "North", "South")
            lines = [{**line, "arm": arm} for line, arm in zip(lines, arms, strict=True)]
        corners_px = [(312, 668), (1015, 590), (900, 330), (470, 352), (520, 470), (860, 520)]
        plane = _homography(
            np.array(corners_px[:4], dtype=float),
            np.array([(0, 0), (18, 0), (22, 24), (2, 23.5)], dtype=float),
        )
        ground: Json = {"points": []}
        for number, spot in enumerate(corners_px):
            ((east, north),) = _apply(plane, np.array([spot], dtype=float))
            ground["points"].append(
                {
                    "x_px": spot[0],
                    "y_px": spot[1],
                    "x_m": round(float(east) + 0.04 * (number % 3 - 1), 2),
                    "y_m": round(float(north) + 0.03 * (number % 2), 2),
                }
            )
        posts = [
            Post(
                "kista-03", "Stationsplein, north-east", "Crossing safety and traffic counts",
                position(0, 0, 40), lines,
                [{"name": "Waiting", "corners_px": WAITING_PX}],
                ground,
            ),
            Post(
                "kista-04", "Ringweg, km 4.2", "Traffic counts", position(180, 95, 300),
                [{"name": "Both lanes", "from_px": [560, 380], "to_px": [640, 640]}],
                calibrated=False,
            ),
            Post(
                "kista-05", "School path", "How many children walk or cycle to school",
                position(-150, 120, 120),
                [{"name": "Path", "from_px": [350, 480], "to_px": [560, 470]}],
                calibrated=False, until="2026-12-20",
            ),
            Post(
                "kista-07", "Markt, south", "Traffic counts during the building works",
                None, [{"name": "Gate", "from_px": [900, 300], "to_px": [960, 545]}],
                calibrated=False,
            ),
        ]  # fmt: skip
        now = now_s()
        for post in posts:
            post.backdrop_s = now - 25
            post.frames = int((now - self.started_s) * 25)
            for line in post.lines:
                for direction in DIRECTIONS:
                    if self.scenario != "fresh":
                        post.count(line["name"], direction, "car", self.dice.randint(120, 260))
                        post.count(line["name"], direction, "truck", self.dice.randint(4, 16))
                        post.count(line["name"], direction, "pedestrian", self.dice.randint(20, 90))
                        post.count(line["name"], direction, "bicycle", self.dice.randint(12, 40))
        if self.scenario in ("day", "mapless", "junction"):
            self._lose(posts[3])
        first = posts[0]
        match self.scenario:
            case "starting":
                first.state, first.why = "starting", "Waiting for the first picture."
                first.backdrop_s, first.sized, first.frames = None, False, 0
            case "learning":
                first.state = "learning"
                first.why = "The street was not yet seen without road users everywhere."
                first.known_share, first.backdrop_s = 0.42, None
            case "lost":
                self._lose(first)
            case "ended":
                first.state, first.why = "ended", "The file street.mp4 came to its end."
            case "refused":
                first.state, first.backdrop_s, first.sized = "refused", None, False
                first.why = "Its notice ended on 30 June 2025; renew it or take the camera down."
                first.until = "2025-06-30"
            case "failed":
                first.state, first.backdrop_s = "failed", None
                first.why = "The node cannot decode what the camera sends: codec av2."
            case "noted":
                first.notes = [
                    'The built-in detector "street" finds road users in place of "yolox.onnx": '
                    "yolox.onnx answers with numbers that are none (NaN or infinite) (the file "
                    "is damaged or was converted wrongly; fetch it again)."
                ]
            case "asleep":
                first.empty, first.decoded = True, ASLEEP
            case "carried":
                first.decoded = CARRIED
            case "empty":
                first.empty = True
            case "late":
                first.lateness_s = 2.4
            case "no-lines":
                first.lines, first.ground, first.areas, first.calibrated = [], None, [], False
            case "starved":
                first.skipped_share, first.frames = 0.962, 1200
                first.notes = [STARVED]
            case "crowded":
                first.lines += [
                    {"name": f"Lane {at} of the station road", "arm": None,
                     "from_px": [300 + 60 * at, 640], "to_px": [640, 440]}
                    for at in range(5)
                ]  # fmt: skip
            case "road":
                first.approaches = [json.loads(json.dumps(APPROACH))]
                first.carriageways = [json.loads(json.dumps(CARRIAGEWAY))]
            case "bare":
                posts = [Post("yard", "Yard", "Traffic counts", None, [], calibrated=False)]
                posts[0].backdrop_s = now - 25
            case _:
                pass
        return posts

    def _lose(self, post: Post) -> None:
        now = now_s()
        post.state, post.retry_in_s = "lost", 8.0
        post.since_s = post.last_loss_s = now - 3000
        post.why = "The camera at 10.0.4.3 closed the connection."
        post.losses += 1

    def post(self, id: str) -> Post | None:
        return next((post for post in self.posts if post.id == id), None)

    def health(self, post: Post) -> Json:
        going = post.state in ("watching", "learning")
        return {
            "fps": 25.0 if going else 0.0,
            "analysed_fps": 8.3 if going else 0.0,
            "lateness_s": post.lateness_s if going else None,
            "frames": post.frames,
            "skipped_share": post.skipped_share if going else None,
            "frames_dropped": post.frames // 9000,
            "packets_corrupt": 3 if post.losses else 0,
            "timestamps_repaired": 12 if post.losses else 0,
            "gaps": post.losses,
            "losses": post.losses,
            "last_loss": rfc3339(post.last_loss_s) if post.last_loss_s else None,
            "last_loss_why": post.why if post.last_loss_s else None,
            "decoded": post.decoded if going else "",
            "notes": post.notes,
        }

    def totals(self, post: Post) -> Json:
        lines = []
        for line in post.lines:
            ways = {
                direction: {
                    kind: post.counts.get((line["name"], direction, kind), 0) for kind in KINDS
                }
                for direction in DIRECTIONS
            }
            truth = json.loads(json.dumps(ways)) if self.demo else None
            if truth and post.missed:
                truth["left_to_right"]["car"] += post.missed
            lines.append(
                {
                    "name": line["name"],
                    **ways,
                    "speed_m_s_p85": 12.3 if post.calibrated else None,
                    "truth": truth,
                }
            )
        return {"since": rfc3339(self.started_s), "lines": lines}

    def news(self, post: Post) -> Json:
        return {
            "id": post.id,
            "state": post.state,
            "why": post.why,
            "since": rfc3339(post.since_s),
            "retry_in_s": post.retry_in_s,
            "backdrop_at": rfc3339(post.backdrop_s) if post.backdrop_s else None,
            "health": self.health(post),
            "totals": self.totals(post),
        }

    def camera(self, post: Post) -> Json:
        told = self.news(post)
        del told["backdrop_at"]
        backdrop = {"at": rfc3339(post.backdrop_s or 0), "known_share": post.known_share}
        return {
            **told,
            "place": post.place,
            "position": post.position,
            "width_px": WIDTH_PX if post.sized else None,
            "height_px": HEIGHT_PX if post.sized else None,
            "notice": {
                "purpose": post.purpose,
                "legal_basis": "Council decision 2026-118; GDPR article 6 (1) e",
                "owner": "City of Kista, Traffic",
                "contact": "traffic@kista.example",
                "until": post.until,
            },
            "detector": "motion",
            "lines": post.lines,
            "areas": post.areas,
            "ground": post.ground,
            "approaches": post.approaches,
            "carriageways": post.carriageways,
            "backdrop": backdrop if post.backdrop_s else None,
            "revision": post.revision,
        }

    def site(self) -> Json:
        return {
            "site": "Kista",
            "version": "0.1.0",
            "demo": self.demo,
            "at": rfc3339(now_s()),
            "map": None if self.mapless else base_map(),
            "cameras": [self.camera(post) for post in self.posts],
        }

    def place(self, post: Post, hours: float) -> Json:
        """Sums of a time, such as a busy junction has them."""
        arms = [line["arm"] for line in post.lines if line.get("arm")]
        moved = [
            {"from_arm": one, "to_arm": other, "count": 40 + 97 * a + 53 * b}
            for a, one in enumerate(arms)
            for b, other in enumerate(arms)
            if one != other
        ]
        speeds = [
            {
                "line": post.lines[0]["name"],
                "direction": "left_to_right",
                "speed_m_s_from": 0.5 * band,
                "speed_m_s_to": 0.5 * band + 0.5,
                "count": round(120 * math.exp(-(((band - 25) / 5) ** 2))),
                "free": 0,
            }
            for band in range(12, 40)
            if post.lines
        ]
        conflicts = [
            {"type": kind, "severity": severity, "count": 3 * severity}
            for kind in ("rear end", "crossing")
            for severity in (1, 2)
        ]
        spots = [
            {"x_px": 620.0 + 14 * step, "y_px": 430.0 + 6 * step, "share": 1.0 - step / 9}
            for step in range(9)
        ]
        calibrated = post.calibrated
        return {
            "since": rfc3339(now_s() - 3600 * hours),
            "until": rfc3339(now_s()),
            "coverage_s": 3600 * hours,
            "movements": moved,
            "speeds": speeds if calibrated else [],
            "conflicts": conflicts if calibrated else [],
            "spots": spots if calibrated else [],
            "queues": [
                {
                    "approach": "North",
                    "lane": lane,
                    "watched_s": 3000 * hours,
                    "cycles": 40,
                    "cycles_min": 38 if lane is None else 40,
                    "vehicles_max": longest,
                    "vehicles_max_mean": 4.5,
                    "back_m_max": 7.0 * longest,
                    "at_least": longest > 10,
                    "reached_share": 0.05,
                    "departures": 812,
                    "delay_s": delay_s,
                    "level": level,
                }
                for lane, longest, delay_s, level in (
                    (0, 6, 18.4, "B"),
                    (1, 11, 41.2, "D"),
                    (None, 11, 29.0, "C"),
                )
            ]
            if arms and calibrated
            else [],
            "crossings_on_foot": [
                {
                    "carriageway": "Mill Road",
                    "crossing": crossing,
                    "watched_s": 3000 * hours,
                    "count": number,
                    "wait_s": wait_s,
                    "speed_m_s": speed_m_s,
                    "yielding_rate": rate,
                }
                for crossing, number, wait_s, speed_m_s, rate in (
                    ("Zebra", 1240, 3.6, 1.31, 0.83),
                    (None, 12, None, None, None),
                )
            ]
            if arms and calibrated
            else [],
            "journeys": journeys(now_s()) if self.scenario == "linked" else [],
            "screenlines": [self._river(post)] if self.scenario == "river" else [],
        }

    def _river(self, post: Post) -> Json:
        """A screenline of a line here, drawn the other way round, and one elsewhere."""
        profile = self.profile(post, 24, 60)
        name = post.lines[0]["name"]
        profile["series"] = [
            one | {"line": "River"} for one in profile["series"] if one["line"] == name
        ]
        here = {"camera": post.id, "place": post.place, "line": name, "reversed": True}
        quay = {"camera": "kista-04", "place": "Market street, west", "line": "Quay"}
        parts = [here, quay | {"reversed": False}]
        return {"name": "River", "parts": parts, "profile": profile}

    def profile(self, post: Post, hours: float, step_min: float) -> Json:
        step_s = int(step_min * 60)
        now = now_s()
        last = int(now // step_s) * step_s
        starts = [last - step_s * back for back in range(int(hours * 3600 / step_s) - 1, -1, -1)]
        born = self.started_s if self.scenario == "fresh" else 0.0
        coverage = []
        for start in starts:
            seen = min(now, start + step_s) - max(start, born)
            lost_from = (now // 900 - 50) * 900  # three quarters of an hour, half a day ago
            lost_to = lost_from + 2700
            if start < lost_to and start + step_s > lost_from:
                seen = 0.0
            if post.state != "watching" and post.state != "learning" and start > post.since_s:
                seen = 0.0
            coverage.append(max(0.0, seen))
        series = []
        for line in post.lines:
            for direction in DIRECTIONS:
                for kind, peak in (
                    ("car", 34.0),
                    ("truck", 3.0),
                    ("pedestrian", 16.0),
                    ("bicycle", 7.0),
                ):
                    dice = random.Random(f"{post.id}{line['name']}{direction}{kind}")
                    counts: list[int | None] = []
                    for start_s, seen in zip(starts, coverage, strict=True):
                        hour = start_s / 3600 % 24
                        rush = math.exp(-(((hour - 7.5) / 1.9) ** 2)) + 0.9 * math.exp(
                            -(((hour - 16.5) / 2.6) ** 2)
                        )
                        mean = peak * (0.06 + rush) * step_s / 900 * seen / step_s
                        counts.append(
                            round(mean + dice.random() * math.sqrt(mean)) if seen else None
                        )
                    series.append(
                        {
                            "line": line["name"],
                            "kind": kind,
                            "direction": direction,
                            "count": counts,
                            "speed_m_s_p85": [None] * len(starts),
                        }
                    )
        return {
            "step_s": step_s,
            "at": [rfc3339(start) for start in starts],
            "coverage_s": coverage,
            "series": series,
        }

    # What happens -----------------------------------------------------------------------------

    def _live(self) -> None:
        tick, last = 0, time.monotonic()
        while not self._stopping.wait(0.0833):
            tick += 1
            elapsed_s = time.monotonic() - last
            last = time.monotonic()
            if not self.frozen:
                self._move(elapsed_s)
                for feed in self.feeds:
                    feed.move(elapsed_s)
            for post in self.posts:
                if post.state == "watching":
                    post.frames += round(25 * elapsed_s)
                    self._tell(f"scene {post.id}", self.scene(post))
                if post.retry_in_s is not None and tick % 12 == 0:
                    post.retry_in_s = post.retry_in_s - 1 if post.retry_in_s > 1 else 8.0
                if post.state == "learning" and not self.frozen:
                    post.known_share = min(0.99, post.known_share + 0.001)
            if tick % 12 == 0:
                self._tell("cameras", self.cameras())

    def cameras(self) -> Json:
        return {"at": rfc3339(now_s()), "cameras": [self.news(post) for post in self.posts]}

    def scene(self, post: Post) -> Json:
        shapes = []
        for walker in post.walkers:
            x, y = walker.at_px()
            ahead = walker.at_px(walker.gone_m + 0.5)
            behind = walker.at_px(walker.gone_m - 0.5)
            near = 0.42 + 0.75 * max(0.0, y) / HEIGHT_PX
            wide, high = map(float, SIZES_PX[walker.kind])
            dx, dy = ahead[0] - behind[0], ahead[1] - behind[1]
            if walker.kind in CARS and abs(dy) > abs(dx):
                wide, high = wide * 0.62, high * 1.25
            wide, high = wide * near, high * near
            shapes.append(
                {
                    "id": walker.id,
                    "kind": walker.kind,
                    "box": [
                        (x - wide / 2) / WIDTH_PX,
                        (y - high) / HEIGHT_PX,
                        (x + wide / 2) / WIDTH_PX,
                        y / HEIGHT_PX,
                    ],
                    "heading_deg": math.degrees(math.atan2(dy, dx)),
                    "speed_m_s": walker.speed_m_s if post.calibrated else None,
                    "seen": not 600 < x < 660,
                }
            )
        at_s = now_s() - post.lateness_s
        return {
            "at": rfc3339(at_s),
            "media_s": at_s - self.started_s,
            "late_s": post.lateness_s,
            "shapes": shapes,
        }

    def _move(self, elapsed_s: float) -> None:
        for post in self.posts:
            if post.state != "watching" or post.empty:
                post.walkers = []
                continue
            lanes = LANES if post.id == "kista-03" else LANES[:2] + LANES[6:]
            if post.id == "kista-05":
                lanes = LANES[3:5] + LANES[6:]
            for lane in lanes:
                if post.dice.random() < elapsed_s / lane.every_s and not any(
                    other.lane is lane and other.gone_m < 9 for other in post.walkers
                ):
                    speed = lane.speed_m_s * post.dice.uniform(0.85, 1.2)
                    kind = post.dice.choice(lane.kinds)
                    id = f"{post.dice.getrandbits(64):016x}"
                    post.walkers.append(Walker(id, kind, lane, speed))
            for walker in post.walkers:
                walker.last_px = walker.at_px()
                walker.gone_m += walker.speed_m_s * elapsed_s
                self._cross(post, walker)
            post.walkers = [one for one in post.walkers if one.gone_m < one.lane.length_m]

    def _cross(self, post: Post, walker: Walker) -> None:
        assert walker.last_px is not None
        for line in post.lines:
            a, b = line["from_px"], line["to_px"]
            before, after = _side(a, b, walker.last_px), _side(a, b, walker.at_px())
            along = (
                _side(walker.last_px, walker.at_px(), a),
                _side(walker.last_px, walker.at_px(), b),
            )
            if before * after >= 0 or along[0] * along[1] > 0:
                continue
            # Positive is at the right hand of who walks from the first point to the second.
            direction = "left_to_right" if after > 0 else "right_to_left"
            post.count(line["name"], direction, walker.kind)
            self._tell(
                "crossing",
                {
                    "camera": post.id,
                    "line": line["name"],
                    "kind": walker.kind,
                    "direction": direction,
                    "at": rfc3339(now_s()),
                    "speed_m_s": walker.speed_m_s if post.calibrated else None,
                },
            )

    def _tell(self, event: str, data: Json) -> None:
        with self._lock:
            for subscriber in self._subscribers:
                subscriber.put((event, data))

    def subscribe(self) -> "queue.Queue[tuple[str, Json]]":
        mailbox: queue.Queue[tuple[str, Json]] = queue.Queue()
        with self._lock:
            self._subscribers.add(mailbox)
        return mailbox

    def unsubscribe(self, mailbox: "queue.Queue[tuple[str, Json]]") -> None:
        with self._lock:
            self._subscribers.discard(mailbox)

    @property
    def streams(self) -> int:
        """How many pages listen."""
        return len(self._subscribers)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    # What is asked of it ----------------------------------------------------------------------

    def set_up(self, post: Post, setup: Json) -> Json | None:
        """Takes `setup` over, or says what is wrong with it."""
        if setup.get("revision") not in (None, post.revision):
            return _fault(f"{post.id} was set up anew meanwhile", "", "load it, and draw again")
        for number, line in enumerate(setup["lines"]):
            if not line["name"].strip():
                return _fault("A line needs a name.", f"lines.{number}.name")
            for key in ("from_px", "to_px"):
                x, y = line[key]
                if not (0 <= x <= WIDTH_PX and 0 <= y <= HEIGHT_PX):
                    return _fault("The point lies outside the picture.", f"lines.{number}.{key}")
            if line["name"] == "Forbidden":
                return _fault("This name is taken by another camera.", f"lines.{number}.name")
        for number, area in enumerate(setup["areas"]):
            if len(area["corners_px"]) < 3:
                return _fault("An area needs three corners.", f"areas.{number}.corners_px")
        ends = [end for link in self.links for end in (link["from_line"], link["to_line"])]
        names = [f"{post.id}/{line['name']}" for line in setup["lines"]]
        if any(end.startswith(f"{post.id}/") and end not in names for end in ends if end):
            return _fault(
                "a link begins or ends at a line that is gone", "lines", "change it first"
            )
        for number, way in enumerate(setup.get("approaches", [])):
            if way["name"] == "Forbidden":
                return _fault("its sides cross each other", f"approaches.{number}", "draw it anew")
        with self._lock:
            post.lines, post.areas, post.ground = setup["lines"], setup["areas"], setup["ground"]
            post.approaches = setup.get("approaches", post.approaches)
            post.carriageways = setup.get("carriageways", post.carriageways)
            post.calibrated = post.ground is not None
            post.revision = f"r{len(self.saved) + 2}"
            self.saved.append(setup)
        self._tell("setup", {"camera": post.id})
        return None

    def set_links(self, told: Json) -> Json | None:
        """Takes links over, or says what is wrong with one."""
        if told.get("revision") not in (None, self.links_revision):
            return _fault("the links were changed meanwhile", "", "load them, and try again")
        for number, link in enumerate(told["links"]):
            if not link["through"] and link["from_line"] == link["to_line"]:
                path, words = f"links.{number}.to_line", "is the line at which it begins"
                return _fault(f"the line at which it ends {words}", path, "choose another line")
        self.links = told["links"]
        self.links_revision = f"l{int(self.links_revision[1:]) + 1}"
        return None

    def picture(self, post: Post) -> bytes:
        if post.id not in self._pictures:
            self._pictures[post.id] = street_jpeg(post.id)
        return self._pictures[post.id]


def _side(a: Any, b: Any, p: Any) -> float:
    return float((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]))


def _fault(message: str, path: str, hint: str = "") -> Json:
    return {"error": {"message": message, "hint": hint or None, "path": path or None}}


def base_map() -> Json:
    """A few streets, blocks, a park and a canal around the cameras."""

    def at(east: float, north: float) -> list[float]:
        return [17.9442 + east / 56_600, 59.4036 + north / 111_195]

    def block(west: float, south: float, east: float, north: float, what: str) -> Json:
        ring = [at(west, south), at(east, south), at(east, north), at(west, north), at(west, south)]
        return {
            "type": "Feature",
            "properties": {"class": what},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }

    def road(*points: tuple[float, float]) -> Json:
        return {
            "type": "Feature",
            "properties": {"class": "road"},
            "geometry": {"type": "LineString", "coordinates": [at(*point) for point in points]},
        }

    features = [
        block(-330, 60, -175, 240, "green"),
        block(-420, -230, 420, -185, "water"),
        road((-420, 20), (-60, 25), (40, 30), (240, 60), (430, 140)),
        road((30, -180), (25, 30), (10, 260)),
        road((-165, 23), (-160, 250)),
        road((205, 52), (180, 260)),
        road((-420, -170), (420, -172)),
    ]
    dice = random.Random(3)
    for west in range(-400, 380, 62):
        for south in (-150, -95, -40, 70, 130, 190):
            if -330 < west < -150 and south > 40:
                continue
            east_road = abs(west - 5) < 45 or abs(west + 190) < 42 or abs(west - 165) < 46
            if east_road and south > 0:
                continue
            width, depth = dice.uniform(24, 46), dice.uniform(20, 38)
            features.append(block(west, south, west + width, south + depth, "building"))
    return {"type": "FeatureCollection", "features": features}


def street_jpeg(id: str) -> bytes:
    """An empty street that was never anywhere."""
    x: float
    y: float
    dice = random.Random(id)
    image = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), (172, 184, 160))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH_PX, 170), fill=(196, 204, 208))
    draw.polygon([(0, 60), (390, 40), (390, 250), (0, 330)], fill=(168, 148, 132))
    draw.polygon([(860, 30), (1280, 20), (1280, 220), (900, 232)], fill=(150, 154, 160))
    for x in range(20, 380, 52):
        for y in (80, 140, 200):
            draw.rectangle((x, y, x + 26, y + 34), fill=(120, 128, 138))
    draw.polygon([(0, 400), (1280, 312), (1280, 540), (0, 650)], fill=(132, 137, 142))
    draw.polygon([(560, 0), (790, 0), (960, 720), (560, 720)], fill=(136, 141, 146))
    draw.polygon([(0, 650), (1280, 540), (1280, 566), (0, 684)], fill=(188, 184, 176))
    draw.polygon([(0, 376), (1280, 292), (1280, 312), (0, 400)], fill=(188, 184, 176))
    for x in range(-20, 1280, 92):
        y = 522 - x * 0.0742
        draw.polygon(
            [(x, y), (x + 46, y - 3.4), (x + 46, y + 1.6), (x, y + 5)], fill=(226, 226, 220)
        )
    for step in range(9):
        x, y = 352 + step * 14, 640 - step * 28
        draw.polygon(
            [(x, y), (x + 92, y - 6), (x + 92 + 8, y - 19), (x + 8, y - 13)], fill=(224, 224, 219)
        )
    for _ in range(9):
        x, y, r = dice.uniform(960, 1280), dice.uniform(575, 720), dice.uniform(20, 46)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(122, 150, 104))
    image = image.filter(ImageFilter.GaussianBlur(1.1))
    noise = np.random.default_rng(1).normal(0, 3.2, (HEIGHT_PX, WIDTH_PX, 1))
    pixels = np.clip(np.asarray(image, dtype=np.float32) + noise, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=80)
    return stream.getvalue()


# Ground: a plain homography, enough to show errors and a grid


def check_ground(points: list[Json]) -> Json:
    nothing: list[Json] = [{"error_px": None, "error_m": None} for _ in points]
    refused: Json = {"usable": False, "error_m_rms": None, "points": nothing, "grid_px": []}
    if len(points) < 4:
        return {**refused, "why": f"{len(points)} of at least 4 points are placed."}
    try:
        pixels = np.array([[point["x_px"], point["y_px"]] for point in points], dtype=float)
        if "x_m" in points[0]:
            metres = np.array([[point["x_m"], point["y_m"]] for point in points], dtype=float)
        else:
            origin = points[0]
            metres = np.array(
                [
                    [
                        (point["longitude_deg"] - origin["longitude_deg"]) * 56_600,
                        (point["latitude_deg"] - origin["latitude_deg"]) * 111_195,
                    ]
                    for point in points
                ],
                dtype=float,
            )
    except KeyError:
        return {**refused, "why": "Every point needs both numbers."}
    whole = _homography(pixels, metres)
    spread = np.ptp(metres, axis=0).min()
    if whole is None or spread < 0.5:
        return {**refused, "why": "The points lie on one line or on one another."}
    error_m = np.hypot(*(_apply(whole, pixels) - metres).T)
    points_told = nothing
    if len(points) >= 5:
        points_told = []
        for left_out in range(len(points)):
            keep = [index for index in range(len(points)) if index != left_out]
            other = _homography(pixels[keep], metres[keep])
            if other is None:
                points_told.append({"error_px": None, "error_m": None})
                continue
            off_m = np.hypot(*(_apply(other, pixels[left_out : left_out + 1]) - metres[left_out]).T)
            back = _apply(np.linalg.inv(other), metres[left_out : left_out + 1])
            off_px = np.hypot(*(back - pixels[left_out]).T)
            points_told.append({"error_px": float(off_px[0]), "error_m": float(off_m[0])})
    low, high = metres.min(axis=0) - 5, metres.max(axis=0) + 5
    back = np.linalg.inv(whole)
    grid = []
    for axis in (0, 1):
        for at in np.arange(math.ceil(low[axis] / 5) * 5, high[axis] + 1e-6, 5):
            ends = np.array(
                [[at, low[1]], [at, high[1]]] if axis == 0 else [[low[0], at], [high[0], at]]
            )
            (ax, ay), (bx, by) = _apply(back, ends)
            grid.append([[round(ax, 1), round(ay, 1)], [round(bx, 1), round(by, 1)]])
    return {
        "usable": True,
        "why": None,
        "error_m_rms": float(np.sqrt(np.mean(error_m**2))),
        "points": points_told,
        "grid_px": grid,
    }


def _homography(pixels: Any, metres: Any) -> Any:
    rows = []
    for (x, y), (u, v) in zip(pixels / 1000, metres / 10, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, -u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, -v])
    _, singular, right = np.linalg.svd(np.array(rows))
    if len(singular) > 7 and singular[7] < 1e-9:
        return None
    found = np.diag([10, 10, 1.0]) @ right[-1].reshape(3, 3) @ np.diag([1e-3, 1e-3, 1.0])
    return None if abs(np.linalg.det(found)) < 1e-18 else found


def _apply(matrix: Any, points: Any) -> Any:
    flat = np.hstack([points, np.ones((len(points), 1))]) @ matrix.T
    return flat[:, :2] / flat[:, 2:]


# HTTP --------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    node: MockNode

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        address = urllib.parse.urlsplit(self.path)
        path, query = urllib.parse.unquote(address.path), urllib.parse.parse_qs(address.query)
        self.node.asked.append(f"{method} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if self.node.silent and path.startswith("/api"):
            self.close_connection = True
            return
        try:
            if not path.startswith("/api/"):
                self._static(path)
            elif method != "GET" and self.headers.get("X-Placewatch") != "console":
                self._say(403, _fault("This does not come from the console.", ""))
            elif path == "/api/session":
                self._session(method, body)
            elif self.node.required and self._user() is None:
                self._say(401, _fault("Sign in first.", ""))
            elif path == "/api/events":
                self._events(query.get("camera", [None])[0])
            elif path == "/api/site":
                self._say(200, self.node.site())
            elif path == "/api/links":
                fault = self.node.set_links(body) if method == "PUT" and body else None
                status = 200 if fault is None else 422 if fault["error"]["path"] else 409
                links = {
                    "links": self.node.links,
                    "revision": self.node.links_revision,
                    "times": {} if self.node.links_missing else last_times(now_s()),
                    "missing": self.node.links_missing,
                }
                self._say(status, fault or links)
            elif path == "/api/transit":
                told = [feed.answer(now_s()) for feed in self.node.feeds]
                self._say(200, {"at": rfc3339(now_s()), "feeds": told})
            elif path.startswith("/api/cameras/"):
                self._camera(method, path.split("/")[3:], query, body)
            else:
                self._say(404, _fault("There is no such thing.", ""))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _user(self) -> str | None:
        for cookie in (self.headers.get("Cookie") or "").split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == "mock" and value in self.node.users:
                return value
        return None

    def _session(self, method: str, body: Json | None) -> None:
        node, user, cookie = self.node, self._user(), None
        if method == "POST":
            assert body is not None
            user = str(body.get("user"))
            if user not in node.users or node.users[user][0] != body.get("password"):
                self._say(401, _fault("The name or the password is wrong.", ""))
                return
            cookie = f"mock={user}; HttpOnly; SameSite=Strict; Path=/"
        elif method == "DELETE":
            user, cookie = None, "mock=; Max-Age=0; Path=/"
        role = node.users[user][1] if user else None if node.required else node.role_without
        told = {"required": node.required, "user": user, "role": role}
        self._say(200, told, {"Set-Cookie": cookie} if cookie else {})

    def _camera(self, method: str, parts: list[str], query: Any, body: Json | None) -> None:
        node, post = self.node, self.node.post(parts[0])
        what = parts[1] if len(parts) > 1 else ""
        number = {key: float(values[0]) for key, values in query.items() if key != "at"}
        if post is None:
            self._say(404, _fault(f"There is no camera {parts[0]}.", ""))
        elif what == "":
            self._say(200, node.camera(post))
        elif what == "backdrop.jpg":
            if post.backdrop_s is None:
                self._say(404, _fault("The empty street is not known yet.", ""))
            else:
                self._send(200, node.picture(post), "image/jpeg")
        elif what == "place" and node.place_damaged:
            self._say(503, _fault(node.place_damaged, ""))
        elif what == "place":
            self._say(200, node.place(post, number["hours"]))
        elif what == "report":
            self._send(200, b"<!doctype html><title>report</title>", "text/html")
        elif what == "profile":
            self._say(200, node.profile(post, number["hours"], number["step_min"]))
        elif what == "health":
            told = node.profile(post, number["hours"], number["step_min"])
            frames = [25 * seen for seen in told["coverage_s"]]
            self._say(200, {"at": told["at"], "coverage_s": told["coverage_s"], "frames": frames})
        elif what == "ground" and body is not None:
            self._say(200, check_ground(body["points"]))
        elif what == "road" and body is not None:
            self._say(200, check_road(body))
        elif what == "setup" and body is not None:
            user = self._user()
            if (node.users[user][1] if user else node.role_without) != "technician":
                self._say(403, _fault("Only a technician sets cameras up.", ""))
                return
            fault = node.set_up(post, body)
            status = 200 if fault is None else 422 if fault["error"]["path"] else 409
            self._say(status, fault or node.camera(post))
        else:
            self._say(404, _fault("There is no such thing.", ""))

    def _events(self, camera: str | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        mailbox = self.node.subscribe()
        try:
            self._event("cameras", self.node.cameras())
            while not self.node.stopping and not self.node.silent:
                try:
                    event, data = mailbox.get(timeout=0.25)
                except queue.Empty:
                    continue
                name, _, of = event.partition(" ")
                if name != "scene" or of == camera:
                    self._event(name, data)
        finally:
            self.node.unsubscribe(mailbox)

    def _event(self, event: str, data: Json) -> None:
        self.wfile.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _static(self, path: str) -> None:
        file = (STATIC / path.lstrip("/")).resolve()
        if not file.is_relative_to(STATIC) or not file.is_file():
            if path.startswith("/assets/"):
                self._say(404, _fault("There is no such file.", ""))
                return
            file = STATIC / "index.html"
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self._send(200, file.read_bytes(), "text/javascript" if file.suffix == ".js" else kind)

    def _say(self, status: int, told: Json, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(told).encode(), "application/json", headers)

    def _send(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scenario", choices=SCENARIOS, default="day")
    told = arguments.parse_args()
    with MockNode(told.scenario) as node:
        print(node.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
