"""Lists of conflicts: what no vehicle could do is marked, and counted all the same."""

import io

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
