"""SUMO: fills a street with traffic and tells who was where, as the hours go by.

How this works. The street's plain XML becomes a network (netconvert) in a folder that is gone
afterwards; SUMO runs in a process of its own and writes where everybody is into a pipe, from which
it is read in pieces, so that a week takes no more memory than a minute. Loops in the lanes, SUMO's
own, tell when each vehicle passed the arms of the street: that is the truth of its counts, and it
owes nothing to the lines that placewatch counts by.

On squares and platforms people are JuPedSim's, which SUMO has built in, and nobody passes a loop:
there a passage is somebody's middle over a line, straight from one step to the next.
"""

import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BufferedReader, BytesIO
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.core.space import Point
from placewatch.simulate.crossing import Lines, Passage
from placewatch.simulate.crowd import demand_xml, grounds_xml, types_xml
from placewatch.simulate.director import Actor, Director, free_port
from placewatch.simulate.standing import Standing
from placewatch.simulate.street import Arm, Street
from placewatch.simulate.traffic import SIZES

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

STEP_S = 0.1
WARM_S = 300.0  # before time 0: the street has filled up by then
CROWD_WARM_S = 120.0  # who walks is everywhere sooner
_BLOCK_BYTES = 4_000_000
_NETWORK_S_MAX = 300.0
_RUNS_M_S = 6.0

_CLASSES = {
    Kind.CAR: "passenger",
    Kind.VAN: "delivery",
    Kind.TRUCK: "truck",
    Kind.BUS: "bus",
    Kind.MOTORCYCLE: "motorcycle",
    Kind.BICYCLE: "bicycle",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Where everybody was in a stretch of time: a row for each at each of its moments `moments_s`,
    in order of time. At some moments nobody is there.

    `who` counts road users from 0 in the order in which they came. `x_m`, `y_m` is the middle of
    the front on the ground; `heading_rad` is counted from east towards north.
    """

    moments_s: Floats
    at_s: Floats
    who: Whole
    x_m: Floats
    y_m: Floats
    heading_rad: Floats
    speed_m_s: Floats

    def __len__(self) -> int:
        return len(self.at_s)

    def middles_m(self, lengths_m: Floats) -> tuple[Floats, Floats]:
        """(x, y) of everybody's middle, half a length behind the front."""
        back_m = 0.5 * lengths_m[self.who]
        return (
            self.x_m - back_m * np.cos(self.heading_rad),
            self.y_m - back_m * np.sin(self.heading_rad),
        )


@dataclass
class Everybody:
    """Those who came so far: what they are and, of vehicles, their flow."""

    kinds: list[Kind] = field(default_factory=list)
    flows: list[int] = field(default_factory=list)  # -1: on foot
    _numbers: dict[str, int] = field(default_factory=dict)

    def lengths_m(self) -> Floats:
        """(M,) how long each is."""
        return np.array([SIZES[kind].length_m for kind in self.kinds])

    def length_m(self, who: int) -> float:
        """How long one is."""
        return SIZES[self.kinds[who]].length_m

    def sizes_m(self) -> Floats:
        """(M, 2) how long and wide each is."""
        sizes = [(SIZES[kind].length_m, SIZES[kind].width_m) for kind in self.kinds]
        return np.array(sizes).reshape(-1, 2)

    def kind_numbers(self) -> Whole:
        """(M,) what each is, as numbers in KINDS."""
        return np.array([NUMBER_OF[kind] for kind in self.kinds], np.int64)

    def number(self, name: str) -> int:
        """The number of whom SUMO calls `name`."""
        known = self._numbers.get(name)
        if known is None:
            known = self._numbers[name] = len(self.kinds)
            kind, flow = name.split("_", 2)[:2]
            self.kinds.append(Kind(kind))
            self.flows.append(int(flow))
        return known

    def forget_all_but(self, present: Collection[str]) -> None:
        """Forgets SUMO's names of all others: who left never comes back."""
        self._numbers = {name: who for name, who in self._numbers.items() if name in present}


class SumoRun:
    """One run of a street. Iterate over it for its pieces; then ask for its passages.

    Time 0 comes `warm_s` after the street was empty; None: as long as it takes to fill up. Actors
    may be added to `actors` before it runs: they give orders while it does, at times of SUMO's.
    `live`: pieces come in small portions and may be as many as one wishes, but there are no
    passages. SUMO ends with the thread that iterates first. Raises Misconfigured where SUMO is not
    installed or refuses the street.
    """

    def __init__(
        self,
        street: Street,
        duration_s: float,
        seed: int = 1,
        *,
        step_s: float = STEP_S,
        warm_s: float | None = None,
        live: bool = False,
        detectors: Callable[["Network", Path], Sequence[str]] | None = None,
    ) -> None:
        """`detectors` makes more elements of SUMO's additional file, of the network and of where
        it is stored; what they write lies in `folder`."""
        self.street = street
        self._detectors = detectors
        self._live = live
        self._stopped = False
        self._process: subprocess.Popen[bytes] | None = None
        if warm_s is None:
            warm_s = WARM_S if street.crowd is None else CROWD_WARM_S
        self.duration_s, self.warm_s, self.step_s = duration_s, warm_s, step_s
        self.seed = seed
        self.everybody = Everybody()
        self.actors: list[Actor] = []
        self._lines = Lines(street.arms)
        self._present: set[str] = set()  # who is anywhere in the newest piece of a live run
        if street.crowd is not None:
            self.actors.append(Standing(street.crowd, warm_s, seed))
        self._folder = tempfile.TemporaryDirectory(prefix="placewatch-sumo-")
        self._path = Path(self._folder.name)
        self._loops: dict[str, tuple[str, bool]] = {}
        try:
            self.network = build_network(street, self._path)
            self._write_demand()
            self._write_loops(() if live else street.arms)
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> "SumoRun":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends SUMO, and with it the pieces. Any thread may ask, more than once."""
        self._stopped = True
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """What SUMO reads and writes; gone at the end of the run."""
        return self._path

    def __iter__(self) -> Iterator[Piece]:
        # SUMO tells the format by the name of a file, so the pipe has a name that it likes.
        if self._stopped:
            return
        read, write = os.pipe()
        (self._path / _FCD).symlink_to(f"/dev/fd/{write}")
        director = None
        orders: list[str] = []
        if self.actors:
            director = Director(self.actors, free_port(), self.warm_s + self.duration_s)
            # Whoever is moved by hand may touch others: SUMO would take them out of the street.
            orders = ["--remote-port", str(director.port), "--collision.action", "none"]
        with (self._path / "log").open("w+b") as log, os.fdopen(read, "rb") as stream:
            # Ctrl-C is for us alone, who end it then.
            process = self._process = subprocess.Popen(
                [*_MORTAL, str(os.getpid()), _tool("sumo"), *self._options(), *orders],
                stdout=log,
                stderr=log,
                cwd=self._path,
                pass_fds=(write,),
                process_group=0,
            )
            os.close(write)  # so that what comes ends with the process
            if director is not None:
                director.start(process)
            ended = False
            try:
                for piece in self._pieces(stream):
                    if self._stopped:
                        return
                    if self._live:
                        self._forget()
                    yield piece
                process.wait()
                ended = not process.returncode
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                if director is not None:
                    director.finish(ended)
            if self._stopped:
                return
            if process.returncode < 0:
                raise Unavailable(
                    f"SUMO was ended from outside (signal {-process.returncode})",
                    hint="was there too little memory?",
                )
            if process.returncode:
                log.seek(0)
                told = log.read().decode(errors="replace")
                raise Misconfigured(f"SUMO refused the street {self.street.name}: {_reason(told)}")

    def _forget(self) -> None:
        """Leaves nothing behind on the disk once SUMO has read all, and no names of who left."""
        self._folder.cleanup()
        self.everybody.forget_all_but(self._present)

    def passages(self) -> list[Passage]:
        """When vehicles passed the arms, or people those of a crowd, in order of time; after the
        run is over."""
        if self.street.crowd is not None:
            return self._lines.passages
        told: dict[tuple[int, str, bool], tuple[float, float]] = {}
        for _, element in ET.iterparse(self._path / "loops.xml"):
            if element.tag != "instantOut":
                continue
            if element.get("state") == "enter":
                arm, inwards = self._loops[element.attrib["id"]]
                who = self.everybody.number(element.attrib["vehID"])
                at_s = float(element.attrib["time"]) - self.warm_s
                # One that changes lanes on a loop is told by two.
                key = who, arm, inwards
                here = at_s, float(element.attrib["speed"])
                told[key] = min(here, told.get(key, here))
            element.clear()
        return sorted(
            (
                Passage(at_s, who, arm, inwards, speed_m_s)
                for (who, arm, inwards), (at_s, speed_m_s) in told.items()
                if at_s >= 0.0
            ),
            key=lambda passage: passage.at_s,
        )

    def _pieces(self, stream: BufferedReader) -> Iterator[Piece]:
        """Whole moments, as they come; the last moment of a block waits for the next block."""
        rest: pa.Table | None = None
        for block in self._tables(stream):
            table = block if rest is None else pa.concat_tables([rest, block])
            at_s = table[_TIME].to_numpy()
            whole = int(np.searchsorted(at_s, at_s[-1]))
            rest = table.slice(whole)
            if whole:
                yield self._piece(table.slice(0, whole).combine_chunks())
        if rest is not None and rest.num_rows:
            yield self._piece(rest.combine_chunks())

    def _tables(self, stream: BufferedReader) -> Iterator[pa.Table]:
        """The rows that SUMO writes, some at a time. They are read here and not by a thread of
        Arrow's, which would outlive a run that is given up."""
        names = stream.readline().decode().strip().split(";")
        rest = b""
        while data := stream.read1(_BLOCK_BYTES) if self._live else stream.read(_BLOCK_BYTES):
            data = rest + data
            whole = data.rfind(b"\n") + 1
            rest = data[whole:]
            if whole:
                yield csv.read_csv(
                    BytesIO(data[:whole]),
                    csv.ReadOptions(column_names=names, use_threads=False),
                    csv.ParseOptions(delimiter=";"),
                    csv.ConvertOptions(
                        include_columns=list(self._columns),
                        column_types=dict(zip(self._columns, _TYPES, strict=True)),
                    ),
                )

    @property
    def _columns(self) -> tuple[str, ...]:
        prefix = "vehicle" if self.street.crowd is None else "person"
        return _TIME, *(f"{prefix}_{name}" for name in ("id", "x", "y", "angle", "speed"))

    def _piece(self, table: pa.Table) -> Piece:
        _, name, x, y, angle, speed = self._columns
        moments_s = np.unique(np.round(table[_TIME].to_numpy() - self.warm_s, 3))
        table = table.filter(pc.not_equal(table[name], pa.scalar("")))
        if self._live:
            self._present = {str(one) for one in pc.unique(table[name]).to_pylist()}
        crowd = self.street.crowd
        if crowd is not None:
            west, south, east, north = (pa.scalar(side) for side in crowd.seen)
            table = table.filter(
                pc.and_(
                    pc.and_(pc.greater(table[x], west), pc.less(table[x], east)),
                    pc.and_(pc.greater(table[y], south), pc.less(table[y], north)),
                )
            )
        names = table[name].combine_chunks().dictionary_encode()
        numbers = np.array(
            [self.everybody.number(str(name)) for name in names.dictionary.to_pylist()], np.int64
        )
        # SUMO counts angles clockwise from north.
        heading_rad = np.radians(90.0 - table[angle].to_numpy())
        piece = Piece(
            moments_s,
            np.round(table[_TIME].to_numpy() - self.warm_s, 3),
            numbers[names.indices.to_numpy()],
            table[x].to_numpy(),
            table[y].to_numpy(),
            heading_rad,
            table[speed].to_numpy(),
        )
        if crowd is None:
            return self._calmed(piece) if self.actors else piece
        if not self._live:
            self._lines.look(piece.at_s, piece.who, piece.x_m, piece.y_m)
        # JuPedSim tells where the middle is, SUMO where the front is.
        ahead_m = 0.5 * self.everybody.lengths_m()[piece.who]
        return replace(
            piece,
            x_m=piece.x_m + ahead_m * np.cos(heading_rad),
            y_m=piece.y_m + ahead_m * np.sin(heading_rad),
        )

    def _calmed(self, piece: Piece) -> Piece:
        """Whoever is put somewhere by hand has not run there."""
        on_foot = self.everybody.kind_numbers()[piece.who] == NUMBER_OF[Kind.PEDESTRIAN]
        leapt = on_foot & (piece.speed_m_s > _RUNS_M_S)
        return replace(piece, speed_m_s=np.where(leapt, 0.0, piece.speed_m_s))

    def _options(self) -> list[str]:
        on_foot: list[str] = []
        if self.street.crowd is not None:
            # JuPedSim takes whole steps of its own within each of SUMO's, of at most 20 ms.
            step_ms = round(self.step_s * 1000)
            own_ms = next(own for own in range(20, 0, -1) if step_ms % own == 0)
            on_foot = [
                "--pedestrian.model", "jupedsim",
                "--pedestrian.jupedsim.step-length", f"{own_ms / 1000:.3f}",
            ]  # fmt: skip
        return [
            *on_foot,
            "--net-file", "net.xml",
            "--route-files", "demand.xml",
            "--additional-files", "loops.add.xml",
            "--begin", "0",
            "--end", f"{self.warm_s + self.duration_s:.3f}",
            "--step-length", f"{self.step_s:.3f}",
            "--seed", str(self.seed),
            "--lateral-resolution", "0.8",
            "--fcd-output", _FCD,
            "--fcd-output.attributes", "x,y,angle,speed",
            "--device.fcd.begin", f"{self.warm_s:.3f}",
            "--precision", "6",
            "--time-to-teleport", "-1",
            "--ignore-junction-blocker", "30",  # who lock each other in drive on after a while
            "--no-step-log", "true",
            "--no-warnings", "true",
            "--xml-validation", "never",
            "--default.speeddev", "0.1",
        ]  # fmt: skip

    def _write_demand(self) -> None:
        crowd = self.street.crowd
        if crowd is not None:
            demand = demand_xml(crowd, self.warm_s, self.duration_s)
            (self._path / "demand.xml").write_text(f"<routes>{types_xml()}{demand}</routes>")
            return
        end = self.warm_s + self.duration_s
        rows = ["<routes>"]
        for kind, vehicle_class in _CLASSES.items():
            size = SIZES[kind]
            rows.append(
                f'<vType id="{kind}" vClass="{vehicle_class}" length="{size.length_m}" '
                f'width="{size.width_m}" height="{size.height_m}" latAlignment="center"/>'
            )
        size = SIZES[Kind.UNKNOWN]  # a dropped box, which only comes where it is asked for
        rows.append(
            f'<vType id="{Kind.UNKNOWN}" vClass="passenger" length="{size.length_m}" '
            f'width="{size.width_m}" height="{size.height_m}" minGap="0.5" maxSpeedLat="0.00001"/>'
        )
        size = SIZES[Kind.PEDESTRIAN]
        rows.append(f'<vType id="pedestrian" vClass="pedestrian" length="{size.length_m}"/>')
        for number, flow in enumerate(self.street.flows):
            for kind, share in flow.kinds.items():
                per_s = flow.per_h * share / sum(flow.kinds.values()) / 3600.0
                if per_s > 0.0:
                    rows.append(
                        f'<flow id="{kind}_{number}_" type="{kind}" begin="0" end="{end:.3f}" '
                        f'period="exp({per_s:.8f})" from={quoteattr(flow.begin)} '
                        f'to={quoteattr(flow.end)} departLane="best" departSpeed="max"/>'
                    )
        for number, walk in enumerate(self.street.walks):
            if walk.per_h > 0.0:
                rows.append(
                    f'<personFlow id="pedestrian_-1_{number}_" type="pedestrian" begin="0" '
                    f'end="{end:.3f}" period="exp({walk.per_h / 3600.0:.8f})">'
                    f"<walk from={quoteattr(walk.begin)} to={quoteattr(walk.end)}/></personFlow>"
                )
        rows.append("</routes>")
        (self._path / "demand.xml").write_text("\n".join(rows))

    def _write_loops(self, arms: Sequence[Arm]) -> None:
        rows = ["<additional>"]
        for arm in arms:
            for edge, inwards in ((arm.into, True), (arm.out_of, False)):
                for lane, at_m in self.network.met(edge, arm):
                    name = f"loop{len(self._loops)}"
                    self._loops[name] = arm.name, inwards
                    rows.append(
                        f'<instantInductionLoop id="{name}" lane={quoteattr(lane)} '
                        f'pos="{at_m:.6f}" file="loops.xml"/>'
                    )
        if self._detectors is not None:
            rows += self._detectors(self.network, self._path / "net.xml")
        if self.street.crowd is not None:
            rows.append(grounds_xml(self.street.crowd))
        rows.append("</additional>")
        (self._path / "loops.add.xml").write_text("\n".join(rows))


_MORTAL = (
    sys.executable,
    "-S",
    "-c",
    "import ctypes, os, sys\n"
    "ask = getattr(ctypes.CDLL(None), 'prctl', None)\n"
    "ask and ask(1, 9)\n"  # PR_SET_PDEATHSIG, SIGKILL: prctl(2)
    "os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])",
)
"""Becomes the program it is given, which ends when the thread that began it does: nothing is left
when we are killed. Where the system does not know that, the pipe that breaks ends it."""

_FCD = "fcd.csv"
_TIME = "timestep_time"
_TYPES = (pa.float64(), pa.string(), *[pa.float64()] * 4)


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of the network. `shape` (N, 2) is its middle in m, in the direction of travel."""

    name: str
    edge: str
    shape: Floats
    length_m: float
    width_m: float
    walked: bool  # a sidewalk or a crossing
    crosses: bool  # people cross a road here
    inside: bool  # it lies within a junction


@dataclass(frozen=True, slots=True)
class Network:
    """The roads of a street as SUMO knows them."""

    lanes: tuple[Lane, ...]
    junctions: tuple[Floats, ...]  # (N, 2) corners of each

    def has_opposite(self, lane: Lane) -> bool:
        """Whether another lane leads the other way right beside it, on its left."""
        way = lane.shape[-1] - lane.shape[0]
        left = np.array([-way[1], way[0]]) / max(1e-9, float(np.hypot(*way))) * lane.width_m
        return any(
            float(np.hypot(*(other.shape[-1] - lane.shape[0] - left))) < lane.width_m / 2
            for other in self.lanes
            if not (other.walked or other.inside)
        )

    def met(self, edge: str, arm: Arm) -> list[tuple[str, float]]:
        """The lanes of `edge` that the line of `arm` crosses, and how far along each."""
        found = []
        for lane in self.lanes:
            if lane.edge != edge or lane.walked:
                continue
            at_m = _met_at(lane.shape, arm.start, arm.end)
            if at_m is not None:
                steps = np.hypot(*np.diff(lane.shape, axis=0).T)
                found.append((lane.name, at_m * lane.length_m / float(steps.sum())))
        return found


def build_network(street: Street, folder: Path) -> Network:
    """Builds the street's network in `folder`. Raises Misconfigured where SUMO refuses it."""
    arguments = [_tool("netconvert"), "--offset.disable-normalization", "true"]
    for option, text in (
        ("node-files", street.nodes),
        ("edge-files", street.edges),
        ("connection-files", street.connections),
    ):
        if text:
            (folder / f"{option}.xml").write_text(text)
            arguments += [f"--{option}", f"{option}.xml"]
    arguments += ["--output-file", "net.xml", "--precision", "6", *street.options]
    done = subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, timeout=_NETWORK_S_MAX
    )
    if done.returncode:
        raise Misconfigured(
            f"SUMO cannot build the street {street.name}: {_reason(done.stderr)}",
            hint="netconvert of SUMO says so of its nodes and edges",
        )
    return _read_network(folder / "net.xml")


def _read_network(path: Path) -> Network:
    lanes = []
    root = ET.parse(path).getroot()
    for edge in root.iter("edge"):
        for lane in edge.iter("lane"):
            shape = _corners(lane.attrib["shape"])
            lanes.append(
                Lane(
                    lane.attrib["id"],
                    edge.attrib["id"],
                    shape,
                    float(lane.attrib["length"]),
                    float(lane.get("width", "3.2")),
                    lane.get("allow") == "pedestrian",
                    edge.get("function") == "crossing",
                    edge.get("function") in ("internal", "crossing", "walkingarea"),
                )
            )
    junctions = tuple(
        _corners(junction.attrib["shape"])
        for junction in root.iter("junction")
        if junction.get("type") != "internal" and len(junction.get("shape", "").split()) > 2
    )
    return Network(tuple(lanes), junctions)


def _corners(text: str) -> Floats:
    """A shape of SUMO's, (N, 2) in m."""
    return np.array([[float(c) for c in corner.split(",")[:2]] for corner in text.split()])


def _met_at(shape: Floats, start: Point, end: Point) -> float | None:
    """How far along `shape` it meets the line from `start` to `end`; None where it does not."""
    line = np.array([end.x_m - start.x_m, end.y_m - start.y_m])
    gone_m = 0.0
    for a, b in itertools.pairwise(shape):
        step = b - a
        cross = step[0] * line[1] - step[1] * line[0]
        length_m = float(np.hypot(*step))
        if abs(cross) > 1e-9:
            off = np.array([start.x_m, start.y_m]) - a
            along = (off[0] * line[1] - off[1] * line[0]) / cross
            beside = (off[0] * step[1] - off[1] * step[0]) / cross
            if 0.0 <= along < 1.0 and 0.0 <= beside <= 1.0:
                return gone_m + float(along) * length_m
        gone_m += length_m
    return None


def _tool(name: str) -> str:
    """The path of one of SUMO's programs. Raises Misconfigured where SUMO is not installed."""
    found = importlib.util.find_spec("sumo")
    if found is None or not found.submodule_search_locations:
        raise Misconfigured(
            "SUMO is not installed",
            hint='pip install "placewatch[simulate]"; in a checkout: '
            ".venv/bin/uv sync --inexact --extra simulate",
        )
    return str(Path(found.submodule_search_locations[0]) / "bin" / name)


def _reason(told: str) -> str:
    """The first error among what SUMO said."""
    lines = [line.removeprefix("Error: ") for line in told.splitlines() if "Error" in line]
    return lines[0] if lines else "it gave no reason"
