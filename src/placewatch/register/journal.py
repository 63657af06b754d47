"""Journal: every act, one line each, on the disk before it happens; see docs/spec/journal.md.

How this works
--------------
The file is a chain: each line holds the SHA-256 of the line before it. A line is written, and the
disk has confirmed it, before `append` returns; what is to happen happens only after that.

Several processes may append (the node, and a command on the same machine), one at a time: each
takes the file's lock, reads what the others have added, checks it, and adds its line. The file is
never replaced or shortened, but for two cases: a line that was never confirmed, because writing it
failed or the power went, is taken off again. A piece that a power cut left is kept in a file
beside the journal, and the next line tells of it.
"""

import contextlib
import errno
import fcntl
import hashlib
import itertools
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from placewatch.core.acts import NODE, Actor
from placewatch.core.errors import Corrupt, Misconfigured, Refused
from placewatch.core.ids import CameraId
from placewatch.core.time import Clock, UtcMicros

FORMAT = "placewatch.journal/1"
FIRST = "0" * 64
"""What the first line names as the hash of the line before it."""

LINE_BYTES_MAX = 8192  # a line becomes a leaf of the public log, and those are small
LOCK_WAIT_S = 2.0  # one append takes milliseconds: who waits longer is shut out

Details = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Entry:
    """An act in the journal. `sha256` is the hash of its line, which the next line names."""

    index: int
    at: UtcMicros
    actor: str
    role: str
    act: str
    camera: CameraId | None
    details: Details
    previous: str
    sha256: str


class Journal:
    """The acts of a node, append-only. What `append` returned from survives a power cut.

    Opening checks every line: raises Corrupt where one was altered, Misconfigured where the file
    cannot be opened or made. `torn` is where a piece of a line was put that a power cut had left.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.torn: Path | None = None
        self._clock = clock
        self._thread = threading.Lock()  # the file's lock is the process's, not the thread's
        self._broken = ""  # why this object may not write any more; reopening checks it all
        self._size = 0  # bytes that were checked
        self._last = b""  # the last line that was checked, without its line feed
        self._count = 0
        try:
            new = not path.exists()
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            if new:
                _sync_folder(path.parent)  # or the file itself could be gone after a power cut
        except OSError as error:
            raise Misconfigured(
                f"the journal {path} cannot be opened: {error.strerror}",
                hint="the node's data folder must exist and be writable",
            ) from error
        try:
            with self._alone():
                self._catch_up()
        except OSError as error:
            os.close(self._file)
            raise Misconfigured(
                f"the journal {path} cannot be written: {error.strerror}",
                hint="is the disk full, or read-only?",
            ) from error
        except BaseException:
            os.close(self._file)
            raise

    def append(
        self, actor: Actor, act: str, details: Details, camera: CameraId | None = None
    ) -> Entry:
        """Writes an act, and returns when the disk has it. Raises Refused where it cannot."""
        with self._thread:
            if self._broken:
                self._refuse(self._broken)
            try:
                with self._alone():
                    self._catch_up()
                    return self._write(actor, act, details, camera)
            except Corrupt as error:
                self._broken = error.message
                self._refuse(error.message, error)
            except OSError as error:
                self._refuse(error.strerror or str(error), error)

    def entries(self) -> Iterator[Entry]:
        """All entries from the first on, checked as they are read. Raises Corrupt."""
        return read(self.path)

    def verify(self) -> int:
        """The number of entries, when all are as they were written. Raises Corrupt."""
        return sum(1 for _ in self.entries())

    def close(self) -> None:
        """Lets go of the file; an append after it is refused."""
        with self._thread:
            if self._file >= 0:
                os.close(self._file)
            self._file, self._broken = -1, "it was closed"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds the file's lock, and has made sure that it still is the file of that name."""
        waited_s = 0.0
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES) or waited_s >= LOCK_WAIT_S:
                    self._refuse("another process holds it", error)
                self._clock.sleep(0.02)
                waited_s += 0.02
        try:
            held = os.fstat(self._file)
            try:
                named = os.stat(self.path)
            except FileNotFoundError as error:
                raise Corrupt(f"{self.path} was deleted") from error
            if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino):
                raise Corrupt(f"{self.path} was replaced by another file")
            if not stat.S_ISREG(held.st_mode):
                raise Corrupt(f"{self.path} is no file")
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Checks what was added since the last look; begins an empty file, mends a torn end."""
        size = os.fstat(self._file).st_size
        if size < self._size:
            raise Corrupt(f"{self.path} was shortened from {self._size} to {size} bytes")
        end = len(self._last) + 1
        if self._count and os.pread(self._file, end, self._size - end) != self._last + b"\n":
            raise Corrupt(f"line {self._count} of {self.path} was altered")
        if size == self._size and size:
            return

        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(self._size)
            for line in _whole_lines(file):
                self._check(line)
                self._size += len(line) + 1
            file.seek(self._size)
            torn = file.read()
        aside = self._put_aside(torn) if torn else None
        if not self._count:
            self._write(NODE, "journal.begin", {"format": FORMAT}, None)
        if aside:
            self._write(NODE, "journal.mend", {"bytes": len(torn), "file": aside.name}, None)

    def _check(self, line: bytes) -> Entry:
        previous = hashlib.sha256(self._last).hexdigest() if self._count else FIRST
        entry = _entry(line, self._count, previous, self.path)
        self._last = line
        self._count += 1
        return entry

    def _put_aside(self, torn: bytes) -> Path:
        """Moves what a power cut has left into a file of its own, beside the journal."""
        names = (f"{self.path.name}.torn-{self._count}-{number}" for number in itertools.count(1))
        aside = next(path for path in map(self.path.with_name, names) if not path.exists())
        with aside.open("xb") as file:
            file.write(torn)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(aside.parent)
        os.ftruncate(self._file, self._size)
        os.fsync(self._file)
        self.torn = aside
        return aside

    def _write(self, actor: Actor, act: str, details: Details, camera: CameraId | None) -> Entry:
        previous = hashlib.sha256(self._last).hexdigest() if self._count else FIRST
        line = _line(self._count, self._clock.utc(), actor, act, details, camera, previous)
        if len(line) > LINE_BYTES_MAX:
            self._refuse(f"{act} is {len(line)} bytes long, and {LINE_BYTES_MAX} are the most")
        data = line + b"\n"
        try:
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._take_back(error)
            raise
        try:
            os.fsync(self._file)
        except OSError as error:
            # After a failed fsync the kernel may have dropped the page and call it clean.
            self._broken = f"the disk did not confirm a line: {error.strerror}"
            raise
        self._size += len(data)
        return self._check(line)

    def _take_back(self, error: OSError) -> None:
        """Cuts off what a failed write has left of its line."""
        try:
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
        except OSError:
            self._broken = f"half a line could not be taken back: {error.strerror}"

    def _refuse(self, why: str, cause: BaseException | None = None) -> NoReturn:
        raise Refused(
            "the journal cannot be written, so nothing may be done",
            hint=f"{self.path}: {why}",
        ) from cause


def read(path: Path) -> Iterator[Entry]:
    """The entries of a journal file, checked as they are read; needs no right to write.

    What a power cut left of a last line is left out: it was never confirmed. Raises Corrupt and
    Misconfigured.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise Misconfigured(f"the journal {path} cannot be read: {error.strerror}") from error
    with file:
        previous, index = FIRST, 0
        for line in _whole_lines(file):
            entry = _entry(line, index, previous, path)
            yield entry
            previous, index = entry.sha256, index + 1


def _line(
    index: int,
    at: UtcMicros,
    actor: Actor,
    act: str,
    details: Details,
    camera: CameraId | None,
    previous: str,
) -> bytes:
    for value in details.values():
        assert type(value) is str or (type(value) is int and abs(value) < 2**53), details
    body: dict[str, object] = {
        "act": act,
        "actor": actor.name,
        "at": at,
        "details": dict(details),
        "index": index,
        "previous": previous,
        "role": str(actor.role),
    }
    if camera is not None:
        body["camera"] = camera
    return _canonical(body)


def _canonical(body: object) -> bytes:
    """RFC 8785 for what a journal holds: ASCII keys, strings, and integers below 2^53."""
    return json.dumps(
        body, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def _entry(line: bytes, index: int, previous: str, path: Path) -> Entry:
    """The entry in `line`, which must be the `index`th after the one with hash `previous`."""
    try:
        body = json.loads(line)
        if _canonical(body) != line:
            raise ValueError("not canonical")
        if (body["index"], body["previous"]) != (index, previous):
            raise ValueError("not the next of the chain")
        if not all(type(value) in (str, int) for value in body["details"].values()):
            raise ValueError("neither strings nor integers")
        if index == 0 and (body["act"], body["details"].get("format")) != ("journal.begin", FORMAT):
            raise ValueError("not a journal of this format")
        return Entry(
            index=index,
            at=UtcMicros(int(body["at"])),
            actor=str(body["actor"]),
            role=str(body["role"]),
            act=str(body["act"]),
            camera=CameraId(body["camera"]) if "camera" in body else None,
            details=dict(body["details"]),
            previous=previous,
            sha256=hashlib.sha256(line).hexdigest(),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Corrupt(
            f"line {index + 1} of the journal {path} was altered",
            hint="keep the file as it is, and find out who wrote to it; nothing is done meanwhile",
        ) from error


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines from here on, without line feeds, and without what a power cut left of the last:
    it has no line feed, or holds blocks of zeros that were lost before they were written."""
    line = file.readline()
    while line.endswith(b"\n"):
        following = file.readline()
        if not following and b"\0" in line:
            return
        yield line[:-1]
        line = following


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
