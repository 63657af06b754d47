"""Log: events as noun.verb with named values; never pixels, paths of tracks, addresses or keys."""

import asyncio
import logging
import sys
import traceback
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
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


def get(**values: Any) -> Any:
    """A logger that adds `values` to each event."""
    return structlog.get_logger(**values)


class _Libraries(logging.Handler):
    """Takes what libraries say into the node's log, in its form."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        what = record.getMessage().splitlines()[0] if record.getMessage() else ""
        if isinstance(error, asyncio.CancelledError) or "graceful shutdown" in what:
            return  # requests that were open when the node was asked to end
        if type(error).__name__ == "ClientDisconnect":
            return  # a browser that was closed while it asked
        values = {"library": record.name, "what": what}
        if error is not None:
            values["why"] = f"{type(error).__name__}: {error}"
            values["trace"] = "".join(traceback.format_tb(error.__traceback__)[-4:])
        logger = get(**values)
        if record.levelno >= logging.ERROR:
            logger.error("library.error")
        else:
            logger.warning("library.warning")
