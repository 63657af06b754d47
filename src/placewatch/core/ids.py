"""Ids: how each name is made, and how long it lives."""

import re
import secrets
from typing import NewType

from placewatch.core.errors import Misconfigured

CameraId = NewType("CameraId", str)
"""A permanent slug such as `kista-03`; chosen by people, printed in the register."""

TrackId = NewType("TrackId", str)
"""64 random bits. Lives for one track in one view, and joins to nothing before or after."""


def camera_id(text: str) -> CameraId:
    """`text` as a camera id. Raises Misconfigured unless it is a slug of 1 to 64 characters."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", text):
        raise Misconfigured(
            f'camera id "{text}" is no slug',
            hint="use 1 to 64 small letters, digits and hyphens, as in kista-03",
        )
    return CameraId(text)


def new_track_id() -> TrackId:
    """An id that says nothing about what it names."""
    return TrackId(secrets.token_hex(8))
