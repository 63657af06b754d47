"""Mock road: what a node says of approaches, carriageways and links, from made-up ground."""

import math
from typing import Any

Json = dict[str, Any]
SKY_PX = 180  # above it there is no ground


def check_road(body: Json) -> Json:
    """What each shape is in metres: a pixel is worth what it is in the middle of the street."""
    ground = body["ground"] is not None and len(body["ground"]["points"]) >= 4
    return {
        "approaches": [_told(one, _approach(one), ground) for one in body["approaches"]],
        "carriageways": [_told(one, _carriageway(one), ground) for one in body["carriageways"]],
    }


def _told(shape: Json, words: tuple[str, float, list[Any]], ground: bool) -> Json:
    blank: Json = {
        "why": None, "hint": None, "told": None, "note": None, "outline_px": [], "width_m": None,
    }  # fmt: skip
    if not ground:
        return blank | {
            "why": "it is measured in metres, and there are no ground points",
            "hint": "place four or more first",
        }
    for x, y in [*shape["corners_px"], *shape["middle_px"]]:
        if y < SKY_PX:
            return blank | {
                "why": f"{shape['name']} has a point at ({x:g}, {y:g}), which is no ground but sky",
                "hint": "move it down below the horizon, or correct the ground points",
            }
    told, width_m, outline = words
    lane_m = width_m / shape.get("lanes", 1)
    note = "wider than lanes are: is the number of lanes right?" if lane_m > 6 else None
    wide = note if "lanes" in shape else None
    return blank | {"told": told, "width_m": width_m, "note": wide, "outline_px": outline}


def _approach(one: Json) -> tuple[str, float, list[Any]]:
    corners, middle = one["corners_px"], one["middle_px"]
    if middle:
        width_m = one["width_m"]
        long_m = math.dist(middle[0], middle[-1]) / 12
        half = width_m * 9
        outline = [[x - half, y] for x, y in middle] + [[x + half, y] for x, y in middle[::-1]]
    else:
        width_m = round(math.dist(corners[0], corners[1]) / 36, 1)
        long_m = math.dist(corners[1], corners[2]) / 12
        outline = corners
    lanes = "1 lane" if one["lanes"] == 1 else f"{one['lanes']} lanes"
    return f"{long_m:.0f} m long, {lanes} of {width_m / one['lanes']:.1f} m", width_m, outline


def _carriageway(one: Json) -> tuple[str, float, list[Any]]:
    corners = one["corners_px"]
    left, right = min(corners), max(corners)
    mid = sum(y for _, y in corners) / len(corners)
    return "7.2 m from kerb to kerb, 24 m of road", 7.2, [[left[0], mid], [right[0], mid]]


APPROACH: Json = {
    "name": "North arm",
    "corners_px": [[760, 300], [640, 306], [600, 200], [690, 196]],
    "middle_px": [], "width_m": None, "lanes": 2, "signal": True, "free_m_s": 13.89,
}  # fmt: skip
CARRIAGEWAY: Json = {
    "name": "Mill Road",
    "corners_px": [[140, 400], [600, 362], [620, 590], [120, 634]],
    "middle_px": [],
    "crossings": [
        {"name": "Zebra", "corners_px": [[352, 386], [470, 376], [480, 600], [350, 612]]}
    ],
}
LINK: Json = {
    "name": "Station road",
    "from_line": "kista-03/East arm", "from_direction": "left_to_right",
    "to_line": "kista-04/Both lanes", "to_direction": "right_to_left",
    "length_m": 380.0, "speed_m_s_min": 4.0, "speed_m_s_max": 25.0, "through": [],
    "straight_m": 301.0, "note": None,
}  # fmt: skip
