"""Cli: the command `placewatch`."""

import gc
import getpass
import io
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from placewatch import __version__
from placewatch.bench import BENCHES
from placewatch.core.errors import Misconfigured, PlacewatchError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Watches places, never people: counts, speeds and a live scene from fixed cameras.",
)
models_app = typer.Typer(
    no_args_is_help=True, help="Nets that can see in place of the built-in detectors."
)
user_app = typer.Typer(no_args_is_help=True, help="Who may sign in to the console.")
replay_app = typer.Typer(
    no_args_is_help=True, help="Measures what was recorded again: tracks, and facts."
)
app.add_typer(models_app, name="models")
app.add_typer(replay_app, name="replay")
app.add_typer(user_app, name="user")

ConfigArgument = Annotated[Path, typer.Argument(help="The node's settings.")]
DEFAULT_CONFIG = Path("placewatch.toml")
OUT_HELP = (
    "A folder for report.html and, as Parquet and CSV, facts and all else that was measured: "
    "movements, speeds, flows, conflicts, zones, zone_uses, queues, crossings_on_foot."
)


def main() -> None:
    """Runs the command line; errors become one sentence and exit status 2."""
    prepare()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows only ASCII, a name that
            stream.reconfigure(errors="backslashreplace")  # is no UTF-8: shown as well as it goes
    try:
        app()
    except PlacewatchError as error:
        _fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `placewatch export | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def prepare() -> None:
    """To be done before anything large is loaded, since it costs a fifth of a start.

    Numpy's linear algebra would start a thread for each core, of no use to matrices of this size.
    Python would look for cycles of dead objects after every 700 new ones, and finds none among
    modules and in what a frame leaves.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(20_000, 20, 20)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"placewatch {__version__}")
        raise typer.Exit


@app.command()
def watch(
    source: Annotated[
        str, typer.Argument(help="A file, rtsp://, http://, /dev/video0, street:, sim://")
    ],
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="NAME=x1,y1,x2,y2",
            help="A counting line, in pixels; for several, once for each.",
        ),
    ] = None,
    arms: Annotated[
        bool,
        typer.Option(
            "--arms", help="Each --line lies across an arm of a junction: count movements, too."
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="A TOML with the camera's lines and ground points.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Which camera of the TOML it is.")] = None,
    out: Annotated[Path | None, typer.Option(help=OUT_HELP)] = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE|-", help="Crossings as JSON.")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(metavar="NAME|FILE.onnx", help="street, motion, or a net.")
    ] = None,
    decode: Annotated[
        str | None,
        typer.Option(help="auto, full, no_loop_filter, keyframes or non_reference."),
    ] = None,
    analysed_fps: Annotated[
        float | None,
        typer.Option(metavar="N", help="Frames a second that are analysed at least; 240: all."),
    ] = None,
    pace: Annotated[str, typer.Option(help="full speed, or real: as it was recorded.")] = "full",
    transport: Annotated[str, typer.Option(help="tcp or udp, for RTSP.")] = "tcp",
    login_file: Annotated[
        Path | None, typer.Option(help="A file with one line, user:password.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the recording began, RFC 3339.")
    ] = None,
) -> None:
    """Analyses SOURCE until it ends; Ctrl-C ends it early and shows what was seen so far."""
    from placewatch.node.offline import WatchRequest, watch_source

    watch_source(
        WatchRequest(
            source=source,
            lines=tuple(line or ()),
            config=config,
            camera=camera,
            out=out,
            json=json,
            detector=detector,
            arms=arms,
            decode=decode,
            analysed_fps=analysed_fps,
            pace=pace,
            transport=transport,
            login_file=login_file,
            start=start,
        )
    )


@app.command()
def simulate(
    street: Annotated[str, typer.Argument(help="junction, roundabout, zebra, arterial, …")],
    out: Annotated[Path, typer.Option(help="A new folder for the truth and the detections.")],
    hours: Annotated[float, typer.Option(help="How long the street is watched.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed is another day.")] = 1,
    camera: Annotated[
        str, typer.Option(metavar="POSE", help="roof, mast, pole, wide or side.")
    ] = "roof",
    perfect: Annotated[bool, typer.Option("--perfect", help="A detector that never errs.")] = False,
    film: Annotated[
        bool, typer.Option("--film", help="Draw and encode what the camera sends, too.")
    ] = False,
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the film.")] = "1280x720",
    fps: Annotated[float, typer.Option(help="Of the film.")] = 25.0,
    light: Annotated[str, typer.Option(help="Of the film: day, dusk or night.")] = "day",
    weather: Annotated[str, typer.Option(help="Of the film: clear, overcast or rain.")] = "clear",
    incident: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND@SECONDS[+LASTS][:PLACE]",
            help="Plant one, as in stopped_vehicle@120+45:W. May be given again.",
        ),
    ] = None,
) -> None:
    """Fills a street with SUMO's traffic: what is true, and what a camera's detector sees."""
    from placewatch.simulate.asked import film_of
    from placewatch.simulate.command import simulate_street

    wished = film_of(size, fps, light, weather) if film else None
    simulate_street(
        street, out, hours, seed, camera, perfect=perfect, film=wished, incidents=incident or ()
    )


@app.command()
def run(
    config: ConfigArgument = DEFAULT_CONFIG,
    host: Annotated[str | None, typer.Option(help="Where the console listens.")] = None,
    port: Annotated[int | None, typer.Option(help="Its port; 0 takes a free one.")] = None,
) -> None:
    """Runs a node: its cameras, the store and the console, until Ctrl-C."""
    from placewatch.console.run import run_node

    run_node(config, host=host, port=port)
    _end_at_once()


@app.command()
def demo(
    host: Annotated[str | None, typer.Option(help="Where the console listens.")] = None,
    port: Annotated[int | None, typer.Option(help="Its port; 0 takes a free one.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep settings and facts here; else they are dropped.")
    ] = None,
) -> None:
    """Runs a node on drawn streets whose truth is known; needs no camera and no download."""
    from placewatch.console.run import run_demo

    run_demo(folder, host=host, port=port)
    _end_at_once()


@app.command()
def check(config: ConfigArgument = DEFAULT_CONFIG) -> None:
    """Says what is wrong with the settings and each camera, a line each; exit status 2 if any."""
    from placewatch.node.check import findings

    now = ""
    people = sys.stderr.isatty()

    def doing(what: str = "") -> None:
        """Says below the findings what is looked at; nothing takes it away."""
        nonlocal now
        now = what and f"{what} …"
        if people:
            sys.stderr.write(f"\r\x1b[K{now}")
            sys.stderr.flush()

    wrong = 0
    for finding in findings(config, doing=doing):
        below = now
        doing()
        typer.echo(finding.text)
        doing(below.removesuffix(" …"))
        wrong += finding.wrong
    doing()
    if wrong:
        raise typer.Exit(2)


@app.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Which of {', '.join(BENCHES)}; all of core when none is named."),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE|-",
            help="Write every figure with its range as JSON (placewatch.bench/1); -: to standard "
            "output, in place of the table.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the figures as a page, too.")
    ] = None,
    peers: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The peers' environments: tools/peers.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How often accuracy simulates each street: 5.")
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0.05, help="And for how long: 1.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="For accuracy.reference: conflicts/*.trj with SSAM's lists beside them, and "
            "trajectories/pedestrians-juelich.",
        ),
    ] = None,
    net: Annotated[
        Path | None, typer.Option(metavar="FILE.onnx", help="YOLOX-nano, for the peers.")
    ] = None,
) -> None:
    """Measures: ratios and counts with their ranges, what is demanded and what is aimed at."""
    from placewatch.bench.run import run_benches

    lent = {"peers": peers, "data": data, "net": net}
    if not run_benches(names or [], json, report=report, seeds=seeds, hours=hours, **lent):
        raise typer.Exit(1)


@app.command()
def report(
    camera: Annotated[str, typer.Argument(help="The id of a camera in the settings.")],
    since: Annotated[str, typer.Option("--from", help="First instant, as 2026-11-23 or RFC 3339.")],
    until: Annotated[str, typer.Option("--to", help="First instant that is no longer in it.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where the page is written.")
    ] = Path("site-report.html"),
    limit: Annotated[
        float | None, typer.Option(metavar="KM_H", help="Also say what share is faster than this.")
    ] = None,
    config: Annotated[Path, typer.Option(help="The node's settings.")] = DEFAULT_CONFIG,
) -> None:
    """Writes the report of a place from what is stored: one page that prints well."""
    from placewatch.node.site import report_site

    typer.echo(f"report: {report_site(config, camera, since, until, out, limit)}")


@app.command()
def export(
    since: Annotated[
        str | None,
        typer.Option(
            "--from", help="First instant, as 2026-11-23 or RFC 3339; needed but with --facts."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--to", help="First instant that is no longer in it; needed but with --facts."
        ),
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="csv or parquet; else what the file is named, or csv.")
    ] = None,
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE|-", help="Where it is written; -: standard output."),
    ] = "-",
    what: Annotated[
        str,
        typer.Option(
            help="facts, the counts of lines; movements, speeds, flows, conflicts, zones, "
            "zone_uses, queues, crossings_on_foot, journeys; with --as long also screenlines."
        ),
    ] = "facts",
    form: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="FORM", help="For other tools: long, utdf, sumo, pems or geojson."
        ),
    ] = None,
    every: Annotated[
        int | None, typer.Option(metavar="MIN", help="With --as: bins of 1, 5, 15 or 60 minutes.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="With --as: whose clocks, as Europe/Stockholm; else UTC."
        ),
    ] = None,
    camera: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="With --as: only this camera; for several, once for each."),
    ] = None,
    call: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=WHAT",
            help="With --as: what the tool calls an arm or a line, as North=SB or North=e1,e2.",
        ),
    ] = None,
    facts: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE",
            help="With --as: not what a node stored, but what --out of watch or replay wrote.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="The node's settings [default: placewatch.toml; none with --facts]."),
    ] = None,
) -> None:
    """Writes the stored facts of a time as CSV or Parquet, or as other people's tools read them."""
    format = format or ("parquet" if Path(out).suffix.lower() == ".parquet" else "csv")
    if facts is None and (since is None or until is None):
        raise Misconfigured("no time is named", hint="give --from and --to")
    if form is None:
        from placewatch.node.export import export_facts

        options = {"every": every, "zone": zone, "camera": camera, "call": call, "facts": facts}
        for option, value in options.items():
            if value is not None:
                raise Misconfigured(f"--{option} goes with --as", hint="add --as long")
        rows = export_facts(config or DEFAULT_CONFIG, since or "", until or "", format, out, what)
    else:
        from placewatch.node.interchange import Wanted, export_form, export_recorded

        calls, cameras = tuple(call or ()), tuple(camera or ())
        wanted = Wanted(
            form, since or "", until or "", out, every, format, what, zone, cameras, calls
        )
        if facts is None:
            rows = export_form(config or DEFAULT_CONFIG, wanted)
        else:
            rows = export_recorded(facts, config, wanted)
    nothing = "" if rows else ": nothing is stored of that time"
    sys.stderr.write(f"{rows} rows{nothing}\n")


@replay_app.command("tracks")
def replay_tracks(
    file: Annotated[
        Path,
        typer.Argument(
            help="An .ottrk, a .trj of SSAM, an .xml of CommonRoad, or tracks or detections of "
            "placewatch simulate."
        ),
    ],
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="NAME=x1,y1,x2,y2",
            help="A counting line: in pixels, or in metres where the tracks are on the ground.",
        ),
    ] = None,
    arms: Annotated[
        bool, typer.Option("--arms", help="Each --line lies across an arm of a junction.")
    ] = False,
    sections: Annotated[
        Path | None, typer.Option(metavar="FILE.otflow", help="Lines of OTAnalytics.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML with the camera's lines and ground points.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Which camera of the TOML it is.")] = None,
    out: Annotated[Path | None, typer.Option(help=OUT_HELP)] = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE|-", help="Crossings as JSON.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the recording began, RFC 3339.")
    ] = None,
    ottrk: Annotated[
        Path | None, typer.Option(metavar="FILE.ottrk", help="Write the tracks for OTAnalytics.")
    ] = None,
    trj: Annotated[
        Path | None, typer.Option(metavar="FILE.trj", help="Write the vehicles for SSAM.")
    ] = None,
    conflicts: Annotated[
        str | None,
        typer.Option(
            metavar="MODE",
            help="Conflicts by footprint, ssam or crime; none: leave them out. Else footprint, "
            "where metres are known.",
        ),
    ] = None,
    lanelets: Annotated[
        Path | None,
        typer.Option(metavar="FILE.xml", help="Lanelets of CommonRoad, for --conflicts crime."),
    ] = None,
) -> None:
    """Measures recorded tracks again, with other lines, areas and definitions; prints what `watch`
    prints."""
    from placewatch.node.replay import ReplayRequest
    from placewatch.node.replay import replay_tracks as replayed

    lines = tuple(line or ())
    replayed(
        ReplayRequest(
            file,
            lines,
            arms,
            sections,
            config,
            camera,
            start,
            out,
            json,
            ottrk,
            trj,
            conflicts,
            lanelets,
        )
    )


@replay_app.command("facts")
def replay_facts(
    file: Annotated[Path, typer.Argument(help="facts or movements of export or watch --out.")],
    every: Annotated[int, typer.Option(metavar="MIN", help="1, 5, 15 or 60 minutes.")] = 15,
    zone: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose clocks, as Europe/Stockholm.")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(metavar="KIND,…", help="What is counted; else all on wheels.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it, too: .csv or .parquet, long.")
    ] = None,
) -> None:
    """Adds minutes of facts up to other windows: a table with the peak hour and its factor."""
    from placewatch.node.replay import replay_facts as replayed

    replayed(file, every, zone, kinds, out)


@models_app.command("list")
def models_list() -> None:
    """Lists the nets placewatch knows, their licences, and which are here."""
    from placewatch.node.models import show_models

    show_models()


@models_app.command("add")
def models_add(
    name: Annotated[str, typer.Argument(help="A name that `models list` shows.")],
    file: Annotated[
        Path | None, typer.Option("--from", help="The file, where there is no network.")
    ] = None,
) -> None:
    """Fetches a net, or takes it from a file, and keeps it if its SHA-256 is the known one."""
    from placewatch.node.models import add

    add(name, file)


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument()],
    role: Annotated[str, typer.Option(help="viewer, technician or operator.")] = "viewer",
    config: Annotated[Path, typer.Option(help="The node's settings.")] = DEFAULT_CONFIG,
) -> None:
    """Adds somebody who may sign in; asks for the password, or reads it from standard input."""
    from placewatch.console.users import add_user

    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise Misconfigured("the two passwords differ", hint="try again")
    else:
        password = sys.stdin.readline().rstrip("\n")
    add_user(config, name, role, password)


@user_app.command("list")
def user_list(
    config: Annotated[Path, typer.Option(help="The node's settings.")] = DEFAULT_CONFIG,
) -> None:
    """Lists who may sign in."""
    from placewatch.console.users import list_users

    for line in list_users(config):
        typer.echo(line)


@user_app.command("remove")
def user_remove(
    name: Annotated[str, typer.Argument()],
    config: Annotated[Path, typer.Option(help="The node's settings.")] = DEFAULT_CONFIG,
) -> None:
    """Takes away somebody's sign-in; what they did stays in the journal."""
    from placewatch.console.users import remove_user

    remove_user(config, name)


def _end_at_once() -> NoReturn:
    """All is stored and closed; Python would take another second or two to take itself apart."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _fail(error: PlacewatchError) -> NoReturn:
    sys.stderr.write(f"placewatch: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"  try: {error.hint}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
