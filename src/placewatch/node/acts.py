"""Acts: the one table of what can be done with a node, and the one way to do it."""

from collections.abc import Callable
from typing import TypeVar

from placewatch.core.acts import Act, Actor, Role
from placewatch.core.errors import PlacewatchError, Refused
from placewatch.core.ids import CameraId
from placewatch.node.log import get
from placewatch.register.journal import Details, Journal

_ANYONE, _VIEWER, _TECHNICIAN = Role.ANYONE, Role.VIEWER, Role.TECHNICIAN

# The role of a command is that of whoever runs it: on the machine itself, a technician.
ACTS = (
    # The console: every route with its method.
    Act("page.get", "GET /{path:path}", _ANYONE, False, "Fetches the console's own files."),
    Act("session.get", "GET /api/session", _ANYONE, False, "Asks who is signed in."),
    Act("session.begin", "POST /api/session", _ANYONE, True, "Signs in."),
    Act("session.end", "DELETE /api/session", _ANYONE, True, "Signs out."),
    Act("site.get", "GET /api/site", _VIEWER, False, "Sees the site and all its cameras."),
    Act(
        "transit.get",
        "GET /api/transit",
        _VIEWER,
        False,
        "Sees where public transport says it is.",
    ),
    Act("camera.get", "GET /api/cameras/{id}", _VIEWER, False, "Sees a camera and its counts."),
    Act(
        "backdrop.get",
        "GET /api/cameras/{id}/backdrop.jpg",
        _VIEWER,
        False,
        "Sees the street without anybody.",
    ),
    Act(
        "profile.get",
        "GET /api/cameras/{id}/profile",
        _VIEWER,
        False,
        "Sees a camera's counts over time.",
    ),
    Act(
        "health.get",
        "GET /api/cameras/{id}/health",
        _VIEWER,
        False,
        "Sees how well a camera delivered over time.",
    ),
    Act(
        "place.get",
        "GET /api/cameras/{id}/place",
        _VIEWER,
        False,
        "Sees movements, speeds and conflicts of a place, added up.",
    ),
    Act(
        "report.get",
        "GET /api/cameras/{id}/report",
        _VIEWER,
        False,
        "Takes the report of a place: its counts, speeds and conflicts over days.",
    ),
    Act("live.get", "GET /api/events", _VIEWER, False, "Sees the live scene, without pictures."),
    Act(
        "ground.check",
        "POST /api/cameras/{id}/ground",
        _TECHNICIAN,
        False,
        "Asks how good a set of ground points is; changes nothing.",
    ),
    Act(
        "road.check",
        "POST /api/cameras/{id}/road",
        _TECHNICIAN,
        False,
        "Asks what drawn approaches and carriageways are on the ground; changes nothing.",
    ),
    Act(
        "setup.put",
        "PUT /api/cameras/{id}/setup",
        _TECHNICIAN,
        True,
        "Changes a camera's lines, areas, approaches, carriageways and ground.",
    ),
    Act("links.get", "GET /api/links", _VIEWER, False, "Sees which links have a journey time."),
    Act(
        "links.put",
        "PUT /api/links",
        _TECHNICIAN,
        True,
        "Changes the links between lines whose journey time is told.",
    ),
    # The commands: as they are typed after `placewatch`.
    Act("source.watch", "watch", _ANYONE, False, "Analyses a video; touches no node."),
    Act("node.run", "run", _TECHNICIAN, True, "Starts a node: its cameras begin to watch."),
    Act("demo.run", "demo", _ANYONE, False, "Runs a node on drawn streets, where nobody lives."),
    Act("street.simulate", "simulate", _ANYONE, False, "Fills a street that is nowhere."),
    Act("bench.run", "bench", _ANYONE, False, "Measures this machine on known material."),
    Act("config.check", "check", _ANYONE, False, "Says what is wrong with a configuration."),
    Act("facts.export", "export", _TECHNICIAN, True, "Takes facts out of the store."),
    Act("site.report", "report", _TECHNICIAN, True, "Writes the report of a place from the store."),
    Act("tracks.replay", "replay tracks", _ANYONE, False, "Measures a file of tracks again."),
    Act("facts.replay", "replay facts", _ANYONE, False, "Adds up a file of facts to windows."),
    Act("models.list", "models list", _ANYONE, False, "Lists the nets that may be used."),
    Act(
        "models.add",
        "models add",
        _TECHNICIAN,
        False,
        "Fetches a known net to this machine; no camera uses it until its settings name it.",
    ),
    Act("user.list", "user list", _TECHNICIAN, False, "Lists who may sign in."),
    Act("user.add", "user add", _TECHNICIAN, True, "Lets somebody sign in."),
    Act("user.remove", "user remove", _TECHNICIAN, True, "Lets somebody sign in no more."),
)

_BY_NAME = {act.name: act for act in ACTS}
_BY_PLACE = {act.where: act for act in ACTS}
assert len(_BY_NAME) == len(_BY_PLACE) == len(ACTS), "an act is in the table twice"

T = TypeVar("T")


def act_at(where: str) -> Act | None:
    """The act of a route (`GET /api/site`) or a command (`user add`); None: it is undeclared."""
    return _BY_PLACE.get(where)


def check_role(journal: Journal, actor: Actor, act: Act, camera: CameraId | None = None) -> None:
    """Raises Refused unless `actor` may do `act`; a refused act is journalled, too."""
    if actor.role.may(act.role):
        return
    if act.journalled:
        journal.append(actor, act.name, {"refused": f"needs the role {act.role}"}, camera)
    raise Refused(
        f"{actor.name} may not do this: it needs the role {act.role}",
        hint=f"{actor.name} has the role {actor.role}",
    )


def perform(
    journal: Journal,
    actor: Actor,
    name: str,
    details: Details,
    deed: Callable[[], T],
    camera: CameraId | None = None,
) -> T:
    """Does `deed`, after the journal has it on disk, and returns what it returns.

    Raises Refused, and does nothing, when the role does not suffice or the journal cannot be
    written. A deed that fails leaves a second entry with the name of the failure; one without
    is either done, or was cut short by the end of the process. `details` hold no free text of
    people and no secrets: they cannot be taken back.
    """
    act = _BY_NAME[name]
    assert act.journalled, f"{name} is declared as no act"
    check_role(journal, actor, act, camera)
    entry = journal.append(actor, name, details, camera)
    try:
        return deed()
    except BaseException as failure:
        try:
            journal.append(
                actor, name, {"failed": type(failure).__name__, "of": entry.index}, camera
            )
        except PlacewatchError as error:
            get().error("journal.lost-failure", act=name, of=entry.index, why=str(error))
        raise
