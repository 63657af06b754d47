"""App: the console's interface, as docs/spec/console-api.md describes it."""

import hashlib
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from placewatch.console.bodies import (
    GroundBody,
    LinksBody,
    RoadBody,
    SessionBody,
    SetupBody,
    ground_points_of,
    links_of,
    read_body,
    road_of,
    setup_of,
)
from placewatch.console.border import Border
from placewatch.console.errors import Stop, WrongValue, error_response, response_for
from placewatch.console.events import Streams
from placewatch.console.files import STATIC, Files, matches
from placewatch.console.signin import SESSION_S, SignIn, Users
from placewatch.core.acts import LOOPBACK, NOBODY, Actor, Role
from placewatch.core.errors import PlacewatchError
from placewatch.core.ids import CameraId
from placewatch.core.time import MINUTE_US, Clock, UtcMicros, rfc3339
from placewatch.node.acts import act_at, check_role, perform
from placewatch.node.config import LinkSettings
from placewatch.node.links import LinksView
from placewatch.node.live import Live
from placewatch.node.vehicles import TransitView
from placewatch.node.views import (
    CameraView,
    GroundCheck,
    GroundPoint,
    HealthHistory,
    PlaceView,
    Profile,
    Pulse,
    RoadCheck,
    Setup,
    SiteView,
    plain,
    to_json,
)
from placewatch.node.wrong_values import wrong_value
from placewatch.register.journal import Details, Journal

STREAMS_MAX = 64
QUARTER_US, HOUR_US = 15 * MINUTE_US, 60 * MINUTE_US
STEPS_MAX = 3000  # of a profile: a month in quarters of an hour


class ConsoleNode(Protocol):
    """What the console asks of a node. Any thread may call; `None` is an unknown camera."""

    @property
    def clock(self) -> Clock: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def users(self) -> Users: ...
    @property
    def live(self) -> Live: ...

    def site(self) -> SiteView: ...
    def transit(self) -> TransitView: ...
    def pulse(self) -> Pulse: ...
    def camera(self, camera: CameraId) -> CameraView | None: ...

    def backdrop_jpeg(self, camera: CameraId) -> tuple[bytes, UtcMicros] | None:
        """The street without anybody, and of when it is; None before there is one."""
        ...

    def profile(self, camera: CameraId, since: UtcMicros, until: UtcMicros, step_s: int) -> Profile:
        """Counts in steps that begin at `since`; both ends are whole steps since 1970."""
        ...

    def health(
        self, camera: CameraId, since: UtcMicros, until: UtcMicros, step_s: int
    ) -> HealthHistory: ...

    def place(self, camera: CameraId, since: UtcMicros, until: UtcMicros) -> PlaceView | None:
        """Movements, speeds and conflicts, added up; None for an unknown camera."""
        ...

    def site_report(self, camera: CameraId, since: UtcMicros, until: UtcMicros) -> str | None:
        """The report of a place as a page of HTML; None for an unknown camera."""
        ...

    def check_ground(self, camera: CameraId, points: Sequence[GroundPoint]) -> GroundCheck:
        """How good `points` would be; changes nothing. Raises Misconfigured."""
        ...

    def check_road(self, camera: CameraId, setup: Setup) -> RoadCheck:
        """What the road of `setup` would be on its ground; changes nothing."""
        ...

    def links(self) -> LinksView: ...

    def save_links(self, links: Sequence[LinkSettings], actor: Actor) -> None:
        """Puts `links` into the TOML and in force. Raises Misconfigured."""
        ...

    def save_setup(self, camera: CameraId, setup: Setup, actor: Actor) -> None:
        """Puts `setup` into the TOML and in force, and tells `live`. Raises Misconfigured."""
        ...


def create_app(
    node: ConsoleNode,
    *,
    require_sign_in: bool,
    allowed_hosts: Collection[str] | None,
    static: Path = STATIC,
    streams_max: int = STREAMS_MAX,
) -> FastAPI:
    """The console of `node`. `app.state.streams.close()` ends its live streams.

    `require_sign_in`: also while there is no user. `allowed_hosts`: see Border.
    """
    sign_in = SignIn(node.users, node.clock, node.journal, demanded=require_sign_in)
    streams = Streams(node.live, node.pulse, streams_max)
    files = Files(static)
    saving = threading.Lock()  # between comparing a revision and saving the next

    def admit(request: Request) -> Actor:
        """Who asks; the table of acts says whether they may. What it does not hold, nobody may."""
        act = act_at(f"{_method(request)} {request.scope['route'].path}")
        if act is None:
            raise Stop(403, "this is not declared in the table of acts")
        if act.role is Role.ANYONE:
            return NOBODY
        actor = sign_in.actor(_token(request))
        if actor is NOBODY:
            raise Stop(401, "nobody is signed in", "sign in first")
        if actor is LOOPBACK:
            _check_near(request)
        if not actor.role.may(act.role):
            # Only the name of a camera goes into the journal, not whatever stood in the address.
            camera = CameraId(request.path_params.get("id", ""))
            check_role(node.journal, actor, act, camera if node.camera(camera) else None)
        return actor

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(admit)])
    app.state.streams = streams
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=5)  # a map over a thin line
    app.add_middleware(Border, allowed_hosts=allowed_hosts)
    _tell_errors(app)

    def known(id: str) -> CameraView:
        camera = node.camera(CameraId(id))
        if camera is None:
            raise Stop(404, f'there is no camera "{id[:64]}"', "is it in placewatch.toml?")
        return camera

    Known = Annotated[CameraView, Depends(known)]  # noqa: N806 - it is a type
    Admitted = Annotated[Actor, Depends(admit)]  # noqa: N806

    @app.get("/api/session")
    def session(request: Request) -> Response:
        return _session(sign_in, sign_in.actor(_token(request)))

    @app.post("/api/session")
    async def begin_session(request: Request) -> Response:
        body = await read_body(request, SessionBody)
        address = request.client.host if request.client else ""
        token, actor = await sign_in.begin(body.user, body.password, address)
        response = await run_in_threadpool(_session, sign_in, actor)
        secure = request.url.scheme == "https"
        response.set_cookie(
            _cookie(request),
            token,
            max_age=round(SESSION_S),
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return response

    @app.delete("/api/session")
    def end_session(request: Request) -> Response:
        sign_in.end(_token(request))
        response = _session(sign_in, sign_in.actor(None))
        response.delete_cookie(
            _cookie(request),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    @app.get("/api/site")
    def site() -> Response:
        view = node.site()
        body = plain(view)
        for camera, written in zip(view.cameras, body["cameras"], strict=True):
            written["revision"] = _revision(camera.setup())
        return _json(body)

    @app.get("/api/transit")
    def transit() -> Response:
        return _json(plain(node.transit()))

    @app.get("/api/cameras/{id}")
    def camera(camera: Known) -> Response:
        return _camera(camera)

    @app.get("/api/cameras/{id}/backdrop.jpg")
    def backdrop(camera: Known, request: Request) -> Response:
        found = node.backdrop_jpeg(camera.id)
        if found is None:
            raise Stop(404, f"the empty street of {camera.id} is not known yet", "wait a minute")
        jpeg, at = found
        etag = f'"{at}"'
        headers = {"cache-control": "private, no-cache", "etag": etag}
        if matches(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(jpeg, headers=headers, media_type="image/jpeg")

    Hours = Annotated[int, Query(ge=1, le=24 * 31)]  # noqa: N806
    Step = Annotated[int, Query(ge=1, le=24 * 60)]  # noqa: N806
    ReportHours = Annotated[int, Query(ge=1, le=24 * 92)]  # noqa: N806

    @app.get("/api/cameras/{id}/profile")
    def profile(camera: Known, hours: Hours = 24, step_min: Step = 15) -> Response:
        since, until, step_s = _steps(node.clock.utc(), hours, step_min)
        return _json(plain(node.profile(camera.id, since, until, step_s)))

    @app.get("/api/cameras/{id}/health")
    def health(camera: Known, hours: Hours = 24, step_min: Step = 15) -> Response:
        since, until, step_s = _steps(node.clock.utc(), hours, step_min)
        return _json(plain(node.health(camera.id, since, until, step_s)))

    @app.get("/api/cameras/{id}/place")
    def place(camera: Known, hours: ReportHours = 24) -> Response:
        until = node.clock.utc()
        told = node.place(camera.id, UtcMicros(until - hours * HOUR_US), until)
        if told is None:
            raise Stop(404, f'there is no camera "{camera.id}"')
        return _json(plain(told))

    @app.get("/api/cameras/{id}/report")
    def report(camera: Known, hours: ReportHours = 24) -> Response:
        """Up to the last whole quarter of an hour, as a file: its page allows no other origin."""
        until = node.clock.utc()
        until = UtcMicros(until - until % QUARTER_US)
        page = node.site_report(camera.id, UtcMicros(until - hours * HOUR_US), until)
        if page is None:
            raise Stop(404, f'there is no camera "{camera.id}"')
        name = f"{camera.id}-{rfc3339(until)[:10]}.html"
        return Response(
            page,
            media_type="text/html",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @app.post("/api/cameras/{id}/ground")
    async def ground(camera: Known, request: Request) -> Response:
        points = ground_points_of(await read_body(request, GroundBody), camera)
        return _json(plain(await run_in_threadpool(node.check_ground, camera.id, points)))

    @app.post("/api/cameras/{id}/road")
    async def road(camera: Known, request: Request) -> Response:
        drawn = road_of(await read_body(request, RoadBody), camera)
        return _json(plain(await run_in_threadpool(node.check_road, camera.id, drawn)))

    @app.get("/api/links")
    def links() -> Response:
        return _links(node.links())

    @app.put("/api/links")
    async def put_links(request: Request, actor: Admitted) -> Response:
        body = await read_body(request, LinksBody)

        def save() -> Response:
            with saving:
                before = node.links()
                if body.revision not in (None, _links_revision(before)):
                    raise Stop(409, "the links were changed meanwhile", "load them, and try again")
                wanted = links_of(body)
                details: Details = {"before": _links_revision(before), "links": len(wanted)}
                perform(
                    node.journal,
                    actor,
                    "links.put",
                    details,
                    lambda: node.save_links(wanted, actor),
                )
                return _links(node.links())

        return await run_in_threadpool(save)

    @app.put("/api/cameras/{id}/setup")
    async def setup(camera: Known, request: Request, actor: Admitted) -> Response:
        body = await read_body(request, SetupBody)

        def save() -> Response:
            with saving:
                before = known(camera.id)
                drawn = setup_of(body, before)
                if body.revision not in (None, _revision(before.setup())):
                    raise Stop(
                        409, f"{camera.id} was set up anew meanwhile", "load it, and draw again"
                    )
                details: Details = {
                    "before": _digest(before.setup()),
                    "after": _digest(drawn),
                    "lines": len(drawn.lines),
                    "areas": len(drawn.areas),
                    "approaches": len(drawn.approaches or ()),
                    "carriageways": len(drawn.carriageways or ()),
                    "ground_points": len(drawn.ground.points) if drawn.ground else 0,
                }
                perform(
                    node.journal,
                    actor,
                    "setup.put",
                    details,
                    lambda: node.save_setup(camera.id, drawn, actor),
                    camera.id,
                )
                return _camera(known(camera.id))

        return await run_in_threadpool(save)

    @app.get("/api/events")
    def events(request: Request, actor: Admitted, camera: str | None = None) -> Response:
        if camera is not None:
            known(camera)
        token = _token(request)
        return streams.open(
            None if camera is None else CameraId(camera), lambda: sign_in.actor(token) == actor
        )

    @app.api_route("/{path:path}", methods=["GET", "HEAD"])
    def page(path: str, request: Request) -> Response:
        return files.answer(path, request)

    return app


def undeclared(app: FastAPI) -> list[str]:
    """The routes of `app`, as `GET /path`, that the table of acts does not hold."""
    return [place for place in routes_of(app) if act_at(place) is None]


def routes_of(app: FastAPI) -> list[str]:
    """Every route of `app` with each of its methods; HEAD is GET without the body."""
    places = []
    for route in app.routes:
        methods = sorted(getattr(route, "methods", None) or {"ANY"})
        path = getattr(route, "path", repr(route))
        named = [method for method in methods if method != "HEAD" or "GET" not in methods]
        places += [f"{method} {path}" for method in named]
        if not isinstance(route, APIRoute):  # a mount would bypass `admit`
            places.append(f"{type(route).__name__} {path}")
    return places


def _tell_errors(app: FastAPI) -> None:
    """Answers every failure in the one form. A bug is logged where it ends, and told as a 500."""

    def told(answer: Callable[[Any], Response]) -> Callable[[Request, Any], Awaitable[Response]]:
        async def handler(request: Request, error: Any) -> Response:
            return answer(error)

        return handler

    app.add_exception_handler(PlacewatchError, told(response_for))
    app.add_exception_handler(
        Stop, told(lambda e: error_response(e.status, e.message, e.hint, wait_s=e.wait_s))
    )
    app.add_exception_handler(
        HTTPException, told(lambda e: error_response(e.status_code, f"{e.detail}".lower()))
    )
    app.add_exception_handler(RequestValidationError, told(_query_error))
    app.add_exception_handler(
        Exception, told(lambda e: error_response(500, "the node made a mistake", "see its log"))
    )


def _query_error(error: RequestValidationError) -> Response:
    detail = error.errors()[0]
    path = ".".join(str(part) for part in detail["loc"][1:])
    what, remedy = wrong_value(detail)
    return response_for(WrongValue(path, f"{path}: {what}", remedy))


def _check_near(request: Request) -> None:
    """Raises Stop when somebody far away would be taken for somebody at the machine."""
    forwarded = any(
        name in request.headers
        for name in ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
    )
    if forwarded or not _is_loopback(request.client.host if request.client else ""):
        raise Stop(
            403,
            "this console asks for no sign-in, so it answers the machine itself only",
            "add a user: placewatch user add NAME --role technician",
        )


def _is_loopback(host: str) -> bool:
    return host in ("", "localhost", "::1") or host.startswith("127.")


def _method(request: Request) -> str:
    return "GET" if request.method == "HEAD" else request.method


def _cookie(request: Request) -> str:
    """The cookie's name: under https one that no other host or path can set (RFC 6265bis)."""
    return "__Host-placewatch" if request.url.scheme == "https" else "placewatch"


def _token(request: Request) -> str | None:
    return request.cookies.get(_cookie(request))


def _session(sign_in: SignIn, actor: Actor) -> Response:
    body: dict[str, object] = {"required": sign_in.required(), "user": None, "role": None}
    if actor is not NOBODY:
        body["role"] = actor.role
        body["user"] = None if actor is LOOPBACK else actor.name
    return _json(body)


def _camera(camera: CameraView) -> Response:
    return _json({**plain(camera), "revision": _revision(camera.setup())})


def _links(view: LinksView) -> Response:
    return _json({**plain(view), "revision": _links_revision(view)})


def _links_revision(view: LinksView) -> str:
    """Stands for the links as they are set; times go on meanwhile."""
    return hashlib.sha256(to_json(view.links).encode()).hexdigest()[:16]


def _json(body: Any) -> Response:
    return Response(to_json(body), media_type="application/json")


def _digest(setup: Setup) -> str:
    return hashlib.sha256(to_json(setup).encode()).hexdigest()


def _revision(setup: Setup) -> str:
    return _digest(setup)[:16]


def _steps(now: UtcMicros, hours: int, step_min: int) -> tuple[UtcMicros, UtcMicros, int]:
    """The whole steps that cover the last `hours`, up to the one that runs now."""
    step_us = step_min * 60_000_000
    if hours * 60 > STEPS_MAX * step_min:
        raise WrongValue(
            "step_min",
            f"{hours} hours in steps of {step_min} min are more than {STEPS_MAX} steps",
            "take longer steps, or fewer hours",
        )
    until = -(-now // step_us) * step_us
    since = until - -(-hours * 60 // step_min) * step_us
    return UtcMicros(since), UtcMicros(until), step_min * 60
