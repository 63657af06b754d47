"""Map: the operator's own GeoJSON, drawn under the cameras."""

import json
import math
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
        raise Misconfigured(
            f"the map {path} cannot be read: {error.strerror}", hint="name a GeoJSON file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Misconfigured(
            f"the map {path} is no JSON: {error}", hint="export it as GeoJSON, in UTF-8"
        ) from error
    if (
        not isinstance(document, dict)
        or document.get("type") != "FeatureCollection"
        or not isinstance(document.get("features"), list)
        or not all(_is_feature(one) for one in document["features"])
    ):
        raise Misconfigured(
            f"the map {path} is no GeoJSON FeatureCollection",
            hint="export roads and buildings as GeoJSON, with the property class",
        )
    return document


def _is_feature(feature: Any) -> bool:
    """Whether a browser can draw it: its kind is stated, and every number in it is one."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return False
    geometry = feature.get("geometry")
    return geometry is None or (
        isinstance(geometry, dict) and isinstance(geometry.get("type"), str) and _finite(geometry)
    )


def _finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(_finite(one) for one in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)
