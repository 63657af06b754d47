"""Wrong values: what is wrong with a value that was given, and what to try, as people say it.

What checks values (Pydantic) names what it found by a word of its own and its bounds; here that
becomes a sentence about the value, so that no message speaks of the program's own types.
"""

from collections.abc import Mapping
from typing import Any

TABLES = {
    "camera", "line", "area", "approach", "carriageway", "crossing", "ground", "transit", "link",
    "screenline",
}  # fmt: skip
"""Settings that are written as [[name]], as often as there are some."""

_LIST = ("is no list", "write it in brackets, as in [660, 210]")
_NUMBER = ("is no number", "write digits without quotes, as in 3.5")
_WHOLE = ("is no whole number", "write digits without quotes and without a fraction, as in 2")
_DAY = ("is no day", "write it without quotes, as in 2027-06-30")
_PLAIN = {
    "string_type": ("is no text", 'write it between quotes, as in "text"'),
    "bool_type": ("is neither true nor false", "write true or false, without quotes"),
    "bool_parsing": ("is neither true nor false", "write true or false, without quotes"),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": ("is no finite number", "write digits, as in 3.5"),
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": ("is a moment, not a day", _DAY[1]),
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": ("is no table", "write its settings below its name in brackets"),
    "model_type": ("is no object", "give its values by their names"),
    "string_too_short": ("is empty", "give it at least a letter"),
    "string_pattern_mismatch": ("holds characters that cannot be printed", "type it anew"),
}
_BOUNDS = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
}


def wrong_value(detail: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong, to stand behind the name of the value, and what to try. `detail` is one of
    Pydantic's `errors()`; of what was given only a number or a short word is repeated, since an
    address may hold a login."""
    sort, bounds = detail["type"], detail.get("ctx") or {}
    place, given = detail["loc"], detail.get("input")
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    if sort in ("missing", "missing_argument"):
        if place and isinstance(place[-1], int):
            return "is missing", "a point is two numbers, as in [660, 210]"
        return "is missing", "add it"
    if sort in ("literal_error", "enum"):
        word = f'"{given}"' if isinstance(given, str) and len(given) <= 40 else "this"
        return f"{word} is none of what can be here", f"it can be {_choices(bounds['expected'])}"
    if sort in _BOUNDS:
        number = f"{given:g}" if isinstance(given, int | float) else "this"
        return f"{number} is out of range", f"it can be {_BOUNDS[sort].format(**bounds)}"
    if sort == "tuple_type" and name in TABLES:
        return "is no list of tables", f"write [[…{name}]] in double brackets, once for each"
    if sort in ("dataclass_type", "dataclass_exact_type"):
        return _PLAIN["dict_type"]
    if sort in ("too_long", "string_too_long"):
        most = bounds.get("max_length")
        if sort == "string_too_long":
            return f"is longer than {most} characters", "make it shorter"
        return f"holds {bounds.get('actual_length') or 'too many'}, not {most}", "take some away"
    if sort == "too_short":
        return f"holds {bounds['actual_length']}, not {bounds['min_length']}", "add what is missing"
    return _PLAIN.get(sort, ("is nothing that can be here", "compare with the documentation"))


def _choices(expected: str) -> str:
    return expected.replace("'", "")
