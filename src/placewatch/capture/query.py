"""Query: what stands behind the ? of a street's address, checked."""

import math
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from urllib.parse import parse_qsl

from placewatch.core.errors import Misconfigured


def parameters(query: str, known: Collection[str], what: str, example: str) -> dict[str, str]:
    """The parameters in `query`, each of which must be `known` to `what`. Raises Misconfigured."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise Misconfigured(
            f'"{query}" is no list of parameters', hint=f"write it as {example}"
        ) from None
    for key, _ in pairs:
        if key not in known:
            raise Misconfigured(f'{what} has no parameter "{key}"', hint=offer(key, known))
    return dict(pairs)


def offer(word: str, there: Collection[str]) -> str:
    """The names there are, and which of them may have been meant."""
    names = sorted(there)
    near = get_close_matches(word, names, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}there are {', '.join(names)}"


def number_in(
    asked: Mapping[str, str], key: str, usual: float, least: float, most: float, whole: bool = False
) -> float:
    """The number that is asked for, or the usual one. Raises Misconfigured out of range."""
    text = asked.get(key)
    if text is None:
        return usual
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise Misconfigured(
            f'{key} is "{text}"', hint=f"it must be {kind} from {least:.10g} to {most:.10g}"
        )
    return value
