"""Map: the operator's own GeoJSON, drawn under the cameras."""

import json
from pathlib import Path
from typing import Any

from placewatch.core.errors import Misconfigured

MAP_BYTES_MAX = 20_000_000


def read_map(path: Path) -> dict[str, Any]:
    """The GeoJSON FeatureCollection (RFC 7946) in `path`. Raises Misconfigured."""
    try:
        if path.stat().st_size > MAP_BYTES_MAX:
            raise Misconfigured(
                f"the map {path} is larger than {MAP_BYTES_MAX // 1_000_000} MB",
                hint="cut it to the town and simplify its lines",
            )
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"the map {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Misconfigured(f"the map {path} is no JSON: {error}") from error
    if (
        not isinstance(document, dict)
        or document.get("type") != "FeatureCollection"
        or not isinstance(document.get("features"), list)
    ):
        raise Misconfigured(
            f"the map {path} is no GeoJSON FeatureCollection",
            hint="export roads and buildings as GeoJSON, with the property class",
        )
    return document
