"""Lists of conflicts: what no vehicle could do is marked, and counted all the same."""

import io
from dataclasses import replace

from rich.console import Console

from placewatch.core.facts import Conflict
from placewatch.core.ids import CameraId
from placewatch.core.kinds import ConflictType, Kind
from placewatch.core.time import from_rfc3339
from placewatch.publish.conflicts import conflict_list, implausible

AT = from_rfc3339("2026-11-23T07:00:00Z")


def conflict(drac_m_s2: float | None, max_d_m_s2: float | None) -> Conflict:
    return Conflict(
        at=AT, window_s=900.0, camera=CameraId("t"), x_m=1.0, y_m=2.0, first=Kind.CAR,
        second=Kind.CAR, type=ConflictType.REAR_END, ttc_s=0.4, pet_s=None, drac_m_s2=drac_m_s2,
        delta_s_m_s=9.0, max_s_m_s=14.0, max_d_m_s2=max_d_m_s2, max_delta_v_m_s=4.0, severity=3,
    )  # fmt: skip


def shown(*conflicts: Conflict) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(conflict_list(conflicts, "ssam"))
    return " ".join(console.export_text().split())


def test_braking_that_no_tyre_can_is_marked_with_a_note() -> None:
    assert [implausible(conflict(*one)) for one in ((3.0, -8.0), (25.0, -2.0), (None, -31.0))] == [
        False, True, True,
    ]  # fmt: skip
    text = shown(conflict(3.0, None), conflict(25.0, None))
    assert text.startswith("2 conflicts. Definitions: those of SSAM 3.0.")
    assert text.count("rear end †") == 1
    assert "beyond 10 m/s²" in text
    assert text.endswith("(1 of 2)")


def test_what_can_be_has_no_mark() -> None:
    assert "†" not in shown(conflict(9.0, -9.5))


def test_no_number_is_cut_on_a_terminal_of_80_columns() -> None:
    one = replace(
        conflict(25.0, -9.0), first=Kind.PEDESTRIAN, second=Kind.MOTORCYCLE, x_m=-1234.5,
        y_m=-2345.6, type=ConflictType.LANE_CHANGE, pet_s=1.5, delta_s_m_s=13.7,
    )  # fmt: skip
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(conflict_list([one], "footprint"))
    text = console.export_text()
    assert "…" not in text
    for number in ("07:00", "0.4", "1.5", "13.7", "-1234.5", "-2345.6"):
        assert number in text
