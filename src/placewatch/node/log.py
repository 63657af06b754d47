"""Log: events as noun.verb with named values; never pixels, paths of tracks, addresses or keys."""

import logging
import sys
from typing import Any

import structlog


def configure(*, verbose: bool = False) -> None:
    """Sends the log to standard error: for people on a terminal, else one JSON object a line."""
    people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(pad_event_to=24)
            if people
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if verbose else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def get(**values: Any) -> Any:
    """A logger that adds `values` to each event."""
    return structlog.get_logger(**values)
