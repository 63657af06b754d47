"""Address: where a source is, with its login kept apart so that no message can show it."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from placewatch.core.errors import Misconfigured

Login = tuple[str, str]

DRAWN = "street:"
"""With this the URL of a drawn street begins."""

SIMULATED = "sim://"
"""And with this the URL of a simulated one."""


@dataclass(frozen=True, slots=True)
class Address:
    """`url` carries no login; `shown` carries no secret at all and may stand in any message."""

    url: str = field(repr=False)
    login: Login | None = field(repr=False)

    @property
    def shown(self) -> str:
        return clean(self.url)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def with_login(self) -> str:
        """What the open call gets. It goes nowhere else."""
        if self.login is None:
            return self.url
        parts = urlsplit(self.url)
        user, password = (quote(word, safe="") for word in self.login)
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def parse_address(url: str, login: Login | None) -> Address:
    """`url` without the login that people paste into it; `login`, when given, wins over that.

    Raises Misconfigured where there is no host, or a port that is none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Misconfigured(
            f"{clean(url)} is no valid address",
            hint="as in rtsp://10.0.4.3:554/main; a login belongs in its own file",
        ) from error
    if not host:
        raise Misconfigured(f"{clean(url)} names no host", hint="as in rtsp://10.0.4.3/main")
    if login is None and parts.username is not None:
        login = (unquote(parts.username), unquote(parts.password or ""))
    netloc = f"[{host}]" if ":" in host else host
    if port is not None:
        netloc += f":{port}"
    return Address(urlunsplit(parts._replace(netloc=netloc)), login)


def clean(text: str) -> str:
    """`text` with every login and key that stands in its addresses replaced by ***.

    Not only `user:password@`: cheap cameras take `?user=...&password=...`, even in the path.
    """
    text = _USER_INFO.sub(r"\1***@", text)
    return _SECRET.sub(r"\1***", text)


# Up to the last @ of the word, wherever it stands: people write / and ? into passwords, too.
_USER_INFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s'\"]*@", re.IGNORECASE)
_SECRET = re.compile(
    r"((?<![a-z0-9])(?:user|usr|username|login|pass|passwd|password|pwd|token|auth|key|api_?key|"
    r"secret|signature|sig)=)[^&;/\s\"'#]*?(?=_[a-z]+=|[&;/\s\"'#]|$)",
    re.IGNORECASE,
)
