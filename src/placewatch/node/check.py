"""Check: what is wrong with a node's settings and with each of its cameras, a line a finding."""

import contextlib
import datetime
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from placewatch.capture import open_source
from placewatch.capture.carried import Carriage, CarriedStream
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import PlacewatchError
from placewatch.core.ids import camera_id
from placewatch.core.time import Clock, SystemClock
from placewatch.measure.ground import Ground, most_suspect
from placewatch.node import config as settings
from placewatch.node.drawn_road import approach_words, carriageway_words, standpoint_words
from placewatch.node.equip import (
    address_of,
    ground_of,
    lines_in_the_sky,
    notice_of,
    road_of,
    shapes_outside,
)
from placewatch.node.links import against_note, straight_line_m, too_long, too_short
from placewatch.node.map import read_map
from placewatch.node.transit import trial
from placewatch.node.understudy import open_asked
from placewatch.perceive.detectors import DEFAULT
from placewatch.register.notices import refusal

GROUND_ERROR_M_MAX = 1.0
"""Ground points that disagree by more give speeds that nobody should print."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what is wrong, or that something is right."""

    text: str
    wrong: bool = True


def findings(
    path: Path, clock: Clock | None = None, doing: Callable[[str], None] | None = None
) -> Iterator[Finding]:
    """All findings about the settings in `path`, one after the other, as they are made. `doing` is
    told what is looked at just now, which may take seconds."""
    clock = clock or SystemClock()
    doing = doing or _quiet
    try:
        site = settings.load(path)
    except PlacewatchError as error:
        yield Finding(str(error))
        return
    yield from _of_node(path, site)
    if not site.camera:
        yield Finding(f"{path}: no camera is set up (add a [[camera]], as in the example)")
    for number, camera in enumerate(site.camera):
        wrong = False
        doing(f"looking at camera {number + 1} of {len(site.camera)}, {camera.id}")
        for finding in _of_camera(path, site, camera, clock):
            wrong = wrong or finding.wrong
            yield Finding(f"{camera.id}: {finding.text}", finding.wrong)
        if not wrong:
            yield Finding(f"{camera.id}: all is well", wrong=False)
    yield from _of_links(site)
    for feed in site.transit:
        doing(f"asking {feed.name}")
        for text, is_wrong in trial(feed, site, path.parent, clock):
            yield Finding(f"{feed.name}: {text}", is_wrong)


def _quiet(what: str) -> None:
    pass


def _of_node(path: Path, site: settings.Settings) -> Iterator[Finding]:
    folder = path.parent / site.data
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(f"data: {folder} cannot be written (is it read-only, or somebody else's?)")
    if site.map is not None:
        try:
            read_map(path.parent / site.map)
        except PlacewatchError as error:
            yield Finding(f"map: {error}")
    host, port = site.console.host, site.console.port
    if not 0 <= port <= 65535:
        yield Finding(f"console: {port} is no port (take one from 1024 to 65535)")
        return
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            yield Finding(f"console: cannot listen on {host} port {port}: {error.strerror}")
        elif _node_runs(folder):
            yield Finding(f"console: the node runs; it uses {host} port {port}", wrong=False)
        else:
            yield Finding(f"console: {host} port {port} is in use (by what? ss -ltnp tells)")


def _node_runs(folder: Path) -> bool:
    """Whether a node writes to `folder` just now: then the port that is in use is its own."""
    try:
        with (folder / "facts" / "_writer.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _of_camera(
    path: Path, site: settings.Settings, camera: settings.CameraSettings, clock: Clock
) -> Iterator[Finding]:
    today = datetime.datetime.fromtimestamp(clock.utc() / 1e6, datetime.UTC).date()
    why = refusal(notice_of(camera), today)
    if why is not None:
        yield Finding(f"would not start: {why}")
    login = None
    try:
        login = settings.login_of(camera, path.parent)
        if camera.login_file is not None:
            file = path.parent / camera.login_file
            if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
                yield Finding(
                    f"others on this machine can read its login (chmod 600 {file})", wrong=False
                )
    except PlacewatchError as error:
        yield Finding(str(error))
    try:
        runs_on = getattr(open_asked(camera), "runs_on", None)
        if runs_on is not None:
            yield Finding(f"{camera.detector} runs on {runs_on}", wrong=False)
    except PlacewatchError as error:
        instead = "" if camera.detector == DEFAULT else f'; "{DEFAULT}" would take its place'
        yield Finding(f"detector: {error}{instead}")
    ground: Ground | None = None
    try:
        ground = ground_of(camera, site.origin)
    except PlacewatchError as error:
        yield Finding(f"ground: {error}")
    if ground is not None and (ground.error_m_rms or 0.0) > GROUND_ERROR_M_MAX:
        yield Finding(f"ground: {_disagreement(ground, camera)}")
    if ground is not None and _mirrored(ground, camera):
        yield Finding(
            "ground: its points show the street as in a mirror "
            "(x_m grows to the east and y_m to the north; is one of them turned round?)"
        )
    yield from map(Finding, lines_in_the_sky(camera, ground))
    yield from _of_road(camera, ground)
    if not camera.line:
        yield Finding("nothing is counted: no line is drawn (draw one in the console)", wrong=False)
    spec = SourceSpec(
        camera=camera_id(camera.id),
        url=address_of(camera.sub_url or camera.url, path.parent),
        pace="full",
        transport=camera.transport,
        login=login,
    )
    try:
        source = open_source(spec, clock)
        try:
            frame = next(source.frames(), None)
        finally:
            source.close()
    except PlacewatchError as error:
        if spec.url.startswith("/dev/") and _node_runs(path.parent / site.data):
            yield Finding(f"{spec.url} is watched by the node, which runs", wrong=False)
        else:
            yield Finding(str(error))
        return
    if frame is None:
        yield Finding("it delivers no picture")
        return
    info = source.info
    rate = f", {info.fps:g} frames/s" if info.fps else ""
    yield Finding(f"delivers {frame.width_px}x{frame.height_px} {info.codec}{rate}", wrong=False)
    width_px, height_px = frame.width_px, frame.height_px
    if camera.sub_url is not None:
        main = replace(spec, url=address_of(camera.url, path.parent))
        try:
            carried = CarriedStream(main, clock, Carriage())
        except PlacewatchError as error:
            yield Finding(f"main stream: {error}")
            return
        width_px, height_px = carried.info.width_px, carried.info.height_px
        codec = carried.info.codec
        carried.close()
        yield Finding(f"carries {width_px}x{height_px} {codec}, undecoded", wrong=False)
    with contextlib.suppress(PlacewatchError):  # a ground that is none was told above
        ground = ground_of(camera, site.origin, (width_px, height_px))
        told = None if ground is None else standpoint_words(ground, (width_px, height_px))
        if told is not None:
            yield Finding(*told)
    for text in shapes_outside(camera, width_px, height_px):
        yield Finding(text)


def _of_road(camera: settings.CameraSettings, ground: Ground | None) -> Iterator[Finding]:
    """What the approaches and carriageways are in metres: who drew them knows whether it is so."""
    try:
        road = road_of(camera, ground)
    except PlacewatchError as error:
        yield Finding(str(error))
        return
    for way in road.approaches:
        told, odd = approach_words(way)
        yield Finding(
            f"approach {way.name}: {told}" + ("" if odd is None else f", {odd}"),
            wrong=odd is not None,
        )
    for piece in road.carriageways:
        yield Finding(f"carriageway {piece.name}: {carriageway_words(piece)}", wrong=False)


def _disagreement(ground: Ground, camera: settings.CameraSettings) -> str:
    """That the ground points disagree, and which one is farthest from what the others say."""
    worst = most_suspect(ground, None)
    point, off = camera.ground[worst], ground.left_out[worst]
    far = "" if off is None else f" lies {off[1]:.1f} m from where the others say it is, and"
    return (
        f"its points disagree by {ground.error_m_rms:.1f} m (root mean square): point "
        f"{worst + 1}, at ({point.x_px:g}, {point.y_px:g}) px,{far} fits worst (check its spot on "
        "the picture and its numbers on the ground)"
    )


def _of_links(site: settings.Settings) -> Iterator[Finding]:
    """What the links are on the ground, and that none is shorter than a bird would fly."""
    for link in site.link:
        if link.through:
            length_m = sum(part.length_m or 0.0 for part in settings.parts_of(link, site.link))
            parts = ", ".join(link.through)
            yield Finding(f"link {link.name}: {parts}; {length_m:.0f} m in all", wrong=False)
            continue
        assert link.length_m is not None, "parsed settings have one"
        told = f"link {link.name}: {link.length_m:.0f} m from {link.from_line} to {link.to_line}"
        straight_m = straight_line_m(site, link)
        if straight_m is not None and too_short(link, straight_m):
            yield Finding(
                f"{told}, and these lie {straight_m:.0f} m apart in a straight line on the ground "
                "(measure length_m along the street, or correct the ground points)"
            )
            continue
        if straight_m is not None and too_long(link, straight_m):
            yield Finding(
                f"{told}, inside one view, and these lie {straight_m:.0f} m apart in a straight "
                "line on the ground (measure length_m along the street, or correct the ground "
                "points)"
            )
            continue
        against = against_note(site, link)
        if against is not None:
            yield Finding(f"{told}: {against[0].lower()}{against[1:]}")
            continue
        apart = "" if straight_m is None else f", {straight_m:.0f} m in a straight line"
        fast_s, slow_s = link.length_m / link.speed_m_s_max, link.length_m / link.speed_m_s_min
        within = _camera_of(link.from_line) == _camera_of(link.to_line)
        how = "timed inside one view" if within else f"times of {fast_s:.0f} to {slow_s:.0f} s"
        yield Finding(f"{told}{apart}; {how}", wrong=False)


def _camera_of(line: str | None) -> str:
    return settings.camera_and_line(line or "")[0]


def _mirrored(ground: Ground, camera: settings.CameraSettings) -> bool:
    """Whether the ground is seen from below. From above, who turns right on the picture turns
    right on the map, though y points down on the one and up on the other."""
    x_px = sum(point.x_px for point in camera.ground) / len(camera.ground)
    y_px = sum(point.y_px for point in camera.ground) / len(camera.ground)
    here, right, below = ground.metres_of(
        np.array([(x_px, y_px), (x_px + 1, y_px), (x_px, y_px + 1)])
    )
    (a, b), (c, d) = right - here, below - here
    return bool(a * d - b * c > 0)
