"""Ledger: what a node keeps beside its facts, in a small relational database.

SQLite by default (write-ahead log, each commit synced); the types are those that PostgreSQL has
too, so that the same tables can move there. Every column is explained in the schema itself.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from placewatch.core.errors import Corrupt, Misconfigured
from placewatch.core.facts import CameraHealth
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros
from placewatch.store.disk import refusal

SCHEMA_VERSION = 1

METADATA = sa.MetaData()


def _column(name: str, kind: Any, comment: str, *, key: bool = False, null: bool = False) -> Any:
    return sa.Column(name, kind, primary_key=key, nullable=null, comment=comment)


HEALTH = sa.Table(
    "camera_minute",
    METADATA,
    _column("camera", sa.String(64), "slug of the camera", key=True),
    _column("at_us", sa.BigInteger, "UTC microseconds; start of the window", key=True),
    _column("window_s", sa.Double, "length of the window"),
    _column("coverage_s", sa.Double, "seconds of the window that were watched"),
    _column(
        "frames", sa.BigInteger, "frames decoded in the window, and not too late to be watched"
    ),
    _column(
        "frames_dropped",
        sa.BigInteger,
        "thrown away because the node was late, none of them in `frames`: decoded too late, or "
        "packets that waited so long that they were not decoded at all",
    ),
    _column("packets_corrupt", sa.BigInteger, "packets the decoder refused"),
    _column("timestamps_repaired", sa.BigInteger, "jumped, repeated, went back or were absent"),
    _column("gaps", sa.BigInteger, "breaks in the stream across which nothing is measured"),
    _column("losses", sa.BigInteger, "sessions that ended without being asked to"),
    _column("lateness_s_max", sa.Double, "how late the node was at worst"),
    comment="how well each camera delivered, minute by minute; rows of one minute were added up",
)

CAMERA = sa.Table(
    "camera",
    METADATA,
    _column("camera", sa.String(64), "slug of the camera", key=True),
    _column("width_px", sa.Integer, "width of its picture when last seen; null before", null=True),
    _column("height_px", sa.Integer, "height of its picture when last seen", null=True),
    _column("backdrop_at_us", sa.BigInteger, "when its backdrop was last renewed", null=True),
    _column("backdrop_known_share", sa.Double, "share of the backdrop that is known", null=True),
    comment="what is remembered of a camera while it is away",
)

USER = sa.Table(
    "console_user",
    METADATA,
    _column("name", sa.String(64), "the name to sign in with", key=True),
    _column("password_hash", sa.Text, "argon2 hash with its salt and cost, never the password"),
    _column("role", sa.String(32), "viewer, technician or operator"),
    _column("created_at_us", sa.BigInteger, "UTC microseconds; when the account was made"),
    _column("disabled", sa.Boolean, "true: may not sign in any more; kept for the acts it did"),
    comment="who may sign in to the console",
)


@dataclass(frozen=True, slots=True)
class CameraMemory:
    """What is remembered of a camera while it is away. None was never known."""

    camera: CameraId
    width_px: int | None = None
    height_px: int | None = None
    backdrop_at: UtcMicros | None = None
    backdrop_known_share: float | None = None


@dataclass(frozen=True, slots=True)
class User:
    """Who may sign in to the console."""

    name: str
    password_hash: str = field(repr=False)
    role: str
    created_at: UtcMicros
    disabled: bool = False


class Ledger:
    """What each call returned from survives a power cut. Any thread may call.

    `url` is SQLAlchemy's: `Ledger.in_folder` makes that of a SQLite file.
    """

    def __init__(self, url: str, place: Path) -> None:
        self._place = place
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _careful)
        with self._changes() as connection:
            METADATA.create_all(connection)
            self._check_version(connection)

    @classmethod
    def in_folder(cls, folder: Path) -> "Ledger":
        """The ledger in `folder`/ledger.sqlite, which is made where it does not exist."""
        place = folder / "ledger.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(error, folder) or Misconfigured(
                f"{folder} cannot be a folder: {error.strerror}",
                hint="choose another in the configuration",
            ) from error
        return cls(f"sqlite:///{place}", place)

    def add_health(self, minutes: Iterable[CameraHealth]) -> None:
        """Adds all of `minutes`, or none. A minute that is there already grows by the new part."""
        with self._changes() as connection:
            for minute in minutes:
                mine = (HEALTH.c.camera == minute.camera) & (HEALTH.c.at_us == minute.at)
                grown = connection.execute(
                    sa.update(HEALTH)
                    .where(mine)
                    .values(
                        {name: HEALTH.c[name] + getattr(minute, name) for name in _ADDED}
                        | {
                            "lateness_s_max": sa.case(
                                (
                                    HEALTH.c.lateness_s_max > minute.lateness_s_max,
                                    HEALTH.c.lateness_s_max,
                                ),
                                else_=minute.lateness_s_max,
                            )
                        }
                    )
                )
                if grown.rowcount == 0:
                    connection.execute(
                        sa.insert(HEALTH).values(
                            camera=minute.camera,
                            at_us=minute.at,
                            window_s=minute.window_s,
                            lateness_s_max=minute.lateness_s_max,
                            **{name: getattr(minute, name) for name in _ADDED},
                        )
                    )

    def health(self, camera: CameraId, since: UtcMicros, until: UtcMicros) -> list[CameraHealth]:
        """The minutes with since ≤ at < until, oldest first. One that is absent is unknown."""
        query = (
            sa.select(HEALTH)
            .where(HEALTH.c.camera == camera, HEALTH.c.at_us >= since, HEALTH.c.at_us < until)
            .order_by(HEALTH.c.at_us)
        )
        with self._reads() as connection:
            return [
                CameraHealth(
                    at=UtcMicros(row.at_us),
                    window_s=row.window_s,
                    coverage_s=row.coverage_s,
                    camera=CameraId(row.camera),
                    frames=row.frames,
                    frames_dropped=row.frames_dropped,
                    packets_corrupt=row.packets_corrupt,
                    timestamps_repaired=row.timestamps_repaired,
                    gaps=row.gaps,
                    losses=row.losses,
                    lateness_s_max=row.lateness_s_max,
                )
                for row in connection.execute(query)
            ]

    def forget_health(self, before: UtcMicros) -> int:
        """Deletes the minutes before `before`; how many they were."""
        with self._changes() as connection:
            return connection.execute(sa.delete(HEALTH).where(HEALTH.c.at_us < before)).rowcount

    def camera(self, camera: CameraId) -> CameraMemory:
        """What is remembered of `camera`; all None where nothing is."""
        with self._reads() as connection:
            row = connection.execute(sa.select(CAMERA).where(CAMERA.c.camera == camera)).first()
        if row is None:
            return CameraMemory(camera)
        return CameraMemory(
            camera,
            row.width_px,
            row.height_px,
            None if row.backdrop_at_us is None else UtcMicros(row.backdrop_at_us),
            row.backdrop_known_share,
        )

    def remember_picture(self, camera: CameraId, width_px: int, height_px: int) -> None:
        """Notes the size of a camera's picture."""
        self._remember(camera, {"width_px": width_px, "height_px": height_px})

    def remember_backdrop(self, camera: CameraId, at: UtcMicros, known_share: float) -> None:
        """Notes that a camera's backdrop was renewed."""
        self._remember(camera, {"backdrop_at_us": at, "backdrop_known_share": known_share})

    def add_user(self, user: User) -> None:
        """Adds a user. Raises Misconfigured where the name is taken."""
        try:
            with self._changes() as connection:
                connection.execute(
                    sa.insert(USER).values(
                        name=user.name,
                        password_hash=user.password_hash,
                        role=user.role,
                        created_at_us=user.created_at,
                        disabled=user.disabled,
                    )
                )
        except sa.exc.IntegrityError as error:
            raise Misconfigured(
                f'there is a user "{user.name}" already', hint="choose another name"
            ) from error

    def user(self, name: str) -> User | None:
        """The user of that name, disabled or not; None where there is none."""
        with self._reads() as connection:
            row = connection.execute(sa.select(USER).where(USER.c.name == name)).first()
        return None if row is None else _user(row)

    def users(self) -> list[User]:
        """All users, by name."""
        with self._reads() as connection:
            return [_user(row) for row in connection.execute(sa.select(USER).order_by(USER.c.name))]

    def set_user(
        self,
        name: str,
        password_hash: str | None = None,
        role: str | None = None,
        disabled: bool | None = None,
    ) -> None:
        """Changes what is not None. Raises Misconfigured where there is no such user."""
        values = {"password_hash": password_hash, "role": role, "disabled": disabled}
        changed = {key: value for key, value in values.items() if value is not None}
        with self._changes() as connection:
            query = sa.update(USER).where(USER.c.name == name).values(changed or {"name": name})
            if connection.execute(query).rowcount == 0:
                raise Misconfigured(f'there is no user "{name}"', hint="see the list of users")

    def close(self) -> None:
        """May be called more than once."""
        self._engine.dispose()

    def _remember(self, camera: CameraId, values: dict[str, Any]) -> None:
        with self._changes() as connection:
            query = sa.update(CAMERA).where(CAMERA.c.camera == camera).values(values)
            if connection.execute(query).rowcount == 0:
                connection.execute(sa.insert(CAMERA).values(camera=camera, **values))

    def _check_version(self, connection: Connection) -> None:
        """A ledger of a later placewatch is not touched."""
        if self._engine.dialect.name != "sqlite":
            return
        version = connection.exec_driver_sql("pragma user_version").scalar_one()
        if version > SCHEMA_VERSION:
            raise Misconfigured(
                f"{self._place} was written by a later placewatch (schema {version})",
                hint="upgrade this one",
            )
        connection.exec_driver_sql(f"pragma user_version = {SCHEMA_VERSION}")

    @contextlib.contextmanager
    def _changes(self) -> Iterator[Connection]:
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _reads(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.IntegrityError:
            raise
        except sa.exc.DBAPIError as error:
            known = refusal(error, self._place)
            if known is not None:
                raise known from error
            raise Corrupt(
                f"{self._place} is damaged: {error.orig}",
                hint="restore it from a backup, or move it away; users must then be added again",
            ) from error


_ADDED = (
    "coverage_s",
    "frames",
    "frames_dropped",
    "packets_corrupt",
    "timestamps_repaired",
    "gaps",
    "losses",
)


def _user(row: Any) -> User:
    return User(
        row.name, row.password_hash, row.role, UtcMicros(row.created_at_us), bool(row.disabled)
    )


def _careful(connection: Any, _: Any) -> None:
    """Readers beside the writer, every commit synced, and patience with other processes."""
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.execute("pragma synchronous = full")
    cursor.execute("pragma busy_timeout = 5000")
    cursor.execute("pragma foreign_keys = on")
    cursor.close()
