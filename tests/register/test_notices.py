"""When a camera may watch."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.ids import CameraId
from placewatch.core.time import rfc3339
from placewatch.register.notices import Notice, refusal

TODAY = datetime.date(2026, 11, 23)
DAY = datetime.timedelta(days=1)


def notice(
    *,
    until: datetime.date = TODAY,
    since: datetime.date | None = None,
    purpose: str = "safer crossing",
    owner: str = "Kista",
    contact: str = "streets@kista.example",
) -> Notice:
    return Notice(
        CameraId("street"), "Stationsplein", purpose, "road act, 5", owner, contact, until, since
    )


def test_a_camera_without_a_notice_does_not_watch() -> None:
    assert "no notice" in (refusal(None, TODAY) or "")


def test_a_camera_watches_on_the_last_day_of_its_notice_and_not_after() -> None:
    assert refusal(notice(), TODAY) is None
    assert refusal(notice(), TODAY + DAY) == "its notice ended on 2026-11-23"
    assert rfc3339(notice().ends_at()) == "2026-11-24T00:00:00Z"


def test_a_camera_does_not_watch_before_its_notice_begins() -> None:
    later = notice(since=TODAY + DAY, until=TODAY + 2 * DAY)
    assert refusal(later, TODAY) == "its notice begins on 2026-11-24"
    assert refusal(later, TODAY + DAY) is None
    assert "before it begins" in (refusal(notice(since=TODAY + DAY), TODAY) or "")


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_a_notice_that_does_not_say_everything_is_none(blank: str) -> None:
    assert refusal(notice(purpose=blank), TODAY) == "its notice does not say the purpose"
    assert refusal(notice(owner=blank), TODAY) == "its notice does not say the owner"
    assert refusal(notice(contact=blank), TODAY) == "its notice does not say the contact"


@given(until=st.dates(datetime.date(1970, 1, 1)), today=st.dates())
def test_a_notice_holds_up_to_its_end_and_not_a_day_longer(
    until: datetime.date, today: datetime.date
) -> None:
    assert (refusal(notice(until=until), today) is None) == (today <= until)
    assert notice(until=until).ends_at() > 0
