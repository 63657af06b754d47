"""Notices: what the public is told of a camera; without a valid one it does not watch."""

import datetime
from dataclasses import dataclass

from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros, from_rfc3339


@dataclass(frozen=True, slots=True)
class Notice:
    """A camera's public entry; it holds from `since` (None: always) to the end of `until`, UTC."""

    camera: CameraId
    place: str  # what the public would call it
    purpose: str
    legal_basis: str
    owner: str  # who answers for it
    contact: str  # where people can ask
    until: datetime.date  # the last day on which the camera may watch
    since: datetime.date | None = None

    def ends_at(self) -> UtcMicros:
        """The first instant at which the camera may not watch any more."""
        if self.until == datetime.date.max:
            return from_rfc3339(f"{self.until}T23:59:59.999999")
        return from_rfc3339((self.until + datetime.timedelta(days=1)).isoformat())


def refusal(notice: Notice | None, today: datetime.date) -> str | None:
    """Why a camera with this notice may not watch on `today` (UTC), in a sentence; None: it may."""
    if notice is None:
        return "it has no notice: the public was not told why it watches"
    for name, value in (
        ("place", notice.place),
        ("purpose", notice.purpose),
        ("legal basis", notice.legal_basis),
        ("owner", notice.owner),
        ("contact", notice.contact),
    ):
        if not value.strip():
            return f"its notice does not say the {name}"
    if notice.since is not None and notice.since > notice.until:
        return f"its notice ends on {notice.until}, before it begins on {notice.since}"
    if today > notice.until:
        return f"its notice ended on {notice.until}"
    if notice.since is not None and today < notice.since:
        return f"its notice begins on {notice.since}"
    return None
