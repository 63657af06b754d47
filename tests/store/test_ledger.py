"""The ledger: health by the minute, what is remembered of a camera, and who may sign in."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from placewatch.core.errors import Corrupt, Misconfigured
from placewatch.core.facts import CameraHealth
from placewatch.core.ids import CameraId
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.store.ledger import METADATA, CameraMemory, Ledger, User
from placewatch.store.store import Store

CAMERA = CameraId("kista-03")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.in_folder(tmp_path)
    yield ledger
    ledger.close()


def health(minute: int, coverage_s: float = 60.0, frames: int = 1500) -> CameraHealth:
    at = UtcMicros(minute * MINUTE_US)
    return CameraHealth(at, 60.0, coverage_s, CAMERA, frames, 1, 2, 3, 4, 5, 0.25)


def test_every_column_is_explained() -> None:
    for table in METADATA.sorted_tables:
        assert table.comment, table.name
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"


def test_health_comes_back_as_it_was_in_order(ledger: Ledger) -> None:
    ledger.add_health([health(2), health(0)])
    ledger.add_health([health(1)])
    assert ledger.health(CAMERA, UtcMicros(0), UtcMicros(2 * MINUTE_US)) == [health(0), health(1)]
    assert ledger.health(CameraId("other"), UtcMicros(0), UtcMicros(9 * MINUTE_US)) == []


def test_a_minute_in_two_parts_adds_up(ledger: Ledger) -> None:
    ledger.add_health([health(0, 20.0, 500)])
    ledger.add_health([health(0, 30.0, 700)])
    (minute,) = ledger.health(CAMERA, UtcMicros(0), UtcMicros(MINUTE_US))
    assert (minute.coverage_s, minute.frames, minute.gaps) == (50.0, 1200, 8)
    assert minute.lateness_s_max == 0.25


def test_old_health_is_forgotten(ledger: Ledger) -> None:
    ledger.add_health([health(0), health(1)])
    assert ledger.forget_health(UtcMicros(MINUTE_US)) == 1
    assert ledger.health(CAMERA, UtcMicros(0), UtcMicros(9 * MINUTE_US)) == [health(1)]


def test_the_size_of_a_picture_is_remembered_across_a_restart(tmp_path: Path) -> None:
    ledger = Ledger.in_folder(tmp_path)
    assert ledger.camera(CAMERA) == CameraMemory(CAMERA)
    ledger.remember_picture(CAMERA, 1280, 720)
    ledger.remember_backdrop(CAMERA, UtcMicros(5), 0.9)
    ledger.remember_picture(CAMERA, 1920, 1080)
    ledger.close()
    again = Ledger.in_folder(tmp_path)
    assert again.camera(CAMERA) == CameraMemory(CAMERA, 1920, 1080, UtcMicros(5), 0.9)
    again.close()


def test_users_are_added_listed_changed_and_disabled(ledger: Ledger) -> None:
    ada = User("ada", "$argon2id$…", "technician", UtcMicros(7))
    ledger.add_user(ada)
    ledger.add_user(User("bea", "x", "viewer", UtcMicros(8)))
    assert ledger.user("ada") == ada
    assert ledger.user("nobody") is None
    ledger.set_user("bea", role="operator", disabled=True)
    assert ledger.users() == [ada, User("bea", "x", "operator", UtcMicros(8), True)]


def test_a_name_that_is_taken_or_unknown_is_said(ledger: Ledger) -> None:
    ledger.add_user(User("ada", "x", "viewer", UtcMicros(7)))
    with pytest.raises(Misconfigured, match='user "ada" already'):
        ledger.add_user(User("ada", "y", "viewer", UtcMicros(8)))
    with pytest.raises(Misconfigured, match='no user "bea"'):
        ledger.set_user("bea", disabled=True)


def test_what_was_noted_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from placewatch.store.ledger import Ledger;"
        "ledger = Ledger.in_folder(pathlib.Path(sys.argv[1]));"
        "ledger.remember_picture('kista-03', 64, 48); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    ledger = Ledger.in_folder(tmp_path)
    assert ledger.camera(CAMERA) == CameraMemory(CAMERA, 64, 48)
    ledger.close()


def test_a_damaged_ledger_is_reported_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(Corrupt, match="damaged"):
        Ledger.in_folder(tmp_path)
    assert (tmp_path / "ledger.sqlite").read_bytes() == b"no database" * 500


def test_a_ledger_of_a_later_placewatch_is_not_touched(ledger: Ledger, tmp_path: Path) -> None:
    with ledger._engine.begin() as connection:
        connection.exec_driver_sql("pragma user_version = 99")
    with pytest.raises(Misconfigured, match="later placewatch"):
        Ledger.in_folder(tmp_path)


def test_a_store_is_one_folder_with_one_writer(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    with pytest.raises(Misconfigured, match="another placewatch"):
        Store(tmp_path / "data")
    reader = Store(tmp_path / "data", writes=False)
    reader.close()
    store.close()
    store.close()
    Store(tmp_path / "data").close()
