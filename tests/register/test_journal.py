"""What is in the journal is on the disk, in order, and cannot be changed unseen."""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placewatch.core.acts import SHELL, Actor, Role
from placewatch.core.errors import Corrupt, Misconfigured, Refused
from placewatch.core.ids import CameraId
from placewatch.core.time import SimulatedClock, SystemClock
from placewatch.register import journal as journals
from placewatch.register.journal import FIRST, FORMAT, Journal, read

EVA = Actor("road-desk-2", Role.TECHNICIAN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, SimulatedClock())
    yield journal
    journal.close()


def fill(journal: Journal, acts: int = 3) -> None:
    for number in range(acts):
        journal.append(EVA, "setup.put", {"lines": number}, CameraId("street"))


def test_an_act_is_one_canonical_line_that_names_the_line_before(
    journal: Journal, path: Path
) -> None:
    entry = journal.append(EVA, "setup.put", {"lines": 2, "after": "é\n"}, CameraId("street"))
    first, second = path.read_bytes().splitlines()
    assert json.loads(first)["details"] == {"format": FORMAT}
    assert json.loads(first)["previous"] == FIRST
    assert (
        second
        == (
            '{"act":"setup.put","actor":"road-desk-2","at":1767225600000000,"camera":"street",'
            '"details":{"after":"é\\n","lines":2},"index":1,'
            f'"previous":"{hashlib.sha256(first).hexdigest()}","role":"technician"}}'
        ).encode()
    )
    assert entry.sha256 == hashlib.sha256(second).hexdigest()
    assert list(journal.entries())[1] == entry


def test_what_append_returned_from_was_synced_and_so_was_the_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watch(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watch)
    journal = Journal(path, SimulatedClock())
    assert synced == [str(path.parent), str(path)]
    journal.append(EVA, "setup.put", {})
    assert synced[2:] == [str(path)]
    journal.close()


def test_a_journal_goes_on_where_it_was(path: Path) -> None:
    for count in range(1, 4):
        journal = Journal(path, SimulatedClock())
        fill(journal, 2)
        assert journal.verify() == 1 + 2 * count
        journal.close()
    assert [entry.index for entry in read(path)] == list(range(7))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_any_bit_that_is_turned_is_noticed(tmp_path: Path, place: int, bit: int) -> None:
    path = tmp_path / "turned.jsonl"
    path.unlink(missing_ok=True)
    journal = Journal(path, SimulatedClock())
    fill(journal)
    content = bytearray(path.read_bytes())
    last = content.rfind(b"\n", 0, -1) + 1
    content[place % last] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(Corrupt, match=r"line \d+ of the journal .* was altered") as corrupt:
        Journal(path, SimulatedClock())
    assert corrupt.value.hint
    with pytest.raises(Corrupt):
        journal.verify()
    journal.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_running_node_notices_a_change_of_the_last_line_too(
    tmp_path: Path, place: int, bit: int
) -> None:
    path = tmp_path / "turned.jsonl"
    path.unlink(missing_ok=True)
    journal = Journal(path, SimulatedClock())
    fill(journal)
    content = bytearray(path.read_bytes())
    last = content.rfind(b"\n", 0, -1) + 1
    content[last + place % (len(content) - last)] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(Refused, match="nothing may be done"):
        fill(journal)
    assert path.read_bytes() == content
    journal.close()


@pytest.mark.parametrize("index", range(4))
def test_a_line_that_is_taken_out_or_changed_with_its_hash_right_is_noticed(
    journal: Journal, path: Path, index: int
) -> None:
    fill(journal, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:index] + lines[index + 1 :]))
    with pytest.raises(Corrupt):
        Journal(path, SimulatedClock())

    body = json.loads(lines[index])
    body["actor"] = "somebody-else"
    lines[index] = json.dumps(body, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(Corrupt):
        Journal(path, SimulatedClock())
    assert path.read_bytes() == b"".join(lines)  # nothing is written over it


@pytest.mark.parametrize(
    "line",
    [
        b'{"index":0}',
        b"[]",
        b"null",
        b"1",
        b"[" * 50_000,
        b'{"act": "journal.begin"}',
        b"\xff",
        b'{"act":"journal.begin","actor":"node","at":1.5,"details":{"format":"other"},"index":0,'
        b'"previous":"' + FIRST.encode() + b'","role":"node"}',
    ],
    ids=lambda line: line[:20],
)
def test_a_file_that_is_no_journal_is_left_alone(path: Path, line: bytes) -> None:
    path.write_bytes(line + b"\n")
    with pytest.raises(Corrupt):
        Journal(path, SimulatedClock())
    assert path.read_bytes() == line + b"\n"


@pytest.mark.parametrize("left", [b"{", b'{"act":"setup.put","actor"', b"\0" * 300, b"\0\0\n"])
def test_what_a_power_cut_left_is_put_aside_and_told(path: Path, left: bytes) -> None:
    journal = Journal(path, SimulatedClock())
    fill(journal)
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole + left)
    assert len(list(read(path))) == 4

    journal = Journal(path, SimulatedClock())
    assert journal.torn is not None
    assert journal.torn.read_bytes() == left
    assert path.read_bytes().startswith(whole)
    *_, entry = journal.entries()
    assert (entry.act, entry.actor) == ("journal.mend", "node")
    assert entry.details == {"bytes": len(left), "file": journal.torn.name}
    journal.close()


def test_a_journal_cut_at_any_byte_opens_with_all_lines_that_were_whole(path: Path) -> None:
    journal = Journal(path, SimulatedClock())
    fill(journal, 1)
    journal.close()
    content = path.read_bytes()
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        whole = content[:cut].count(b"\n")
        journal = Journal(path, SimulatedClock())
        entries = list(journal.entries())
        assert [entry.index for entry in entries] == list(range(len(entries)))
        assert path.read_bytes().startswith(content[: content[:cut].rfind(b"\n") + 1])
        assert len(entries) == max(whole, 1) + (journal.torn is not None)
        journal.close()
        for aside in path.parent.glob("*.torn-*"):
            aside.unlink()


def test_a_full_disk_refuses_and_leaves_no_half_line(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(journal)
    before = path.read_bytes()
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:7]))
        with pytest.raises(Refused) as refused:
            fill(journal)
    assert refused.value.message == "the journal cannot be written, so nothing may be done"
    assert "No space left" in refused.value.hint
    assert path.read_bytes() == before
    fill(journal)  # there is space again
    assert journal.verify() == 7


def test_a_disk_that_did_not_confirm_is_not_trusted_again(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(Refused):
            fill(journal)
    with pytest.raises(Refused, match="did not confirm"):
        fill(journal)
    again = Journal(path, SimulatedClock())
    fill(again)
    again.close()


def test_a_real_full_disk_refuses() -> None:
    # /dev/full is no file, and every write to it fails as on a full disk.
    with pytest.raises((Corrupt, Misconfigured)):
        Journal(Path("/dev/full"), SimulatedClock())


def test_a_folder_that_is_missing_or_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "journal", tmp_path, tmp_path / "file" / "journal"):
        (tmp_path / "file").touch()
        with pytest.raises(Misconfigured, match="cannot be opened") as wrong:
            Journal(path, SimulatedClock())
        assert wrong.value.hint
    with pytest.raises(Misconfigured, match="cannot be read"):
        list(read(tmp_path / "none"))


def test_a_journal_that_is_gone_or_replaced_is_not_written_any_more(
    journal: Journal, path: Path
) -> None:
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(Refused, match="deleted"):
        fill(journal)
    path.write_bytes(content)
    with pytest.raises(Refused):
        fill(journal)  # reopening it, which checks it all, is a person's decision
    assert path.read_bytes() == content


def test_a_journal_that_was_closed_refuses(path: Path) -> None:
    journal = Journal(path, SimulatedClock())
    journal.close()
    journal.close()
    with pytest.raises(Refused, match="closed"):
        fill(journal)


def test_a_command_beside_the_node_adds_to_the_same_chain(journal: Journal, path: Path) -> None:
    command = Journal(path, SimulatedClock())
    for _ in range(5):
        fill(journal, 1)
        fill(command, 2)
    assert journal.verify() == 16
    command.close()


def test_whoever_is_shut_out_waits_a_moment_and_is_refused(journal: Journal, path: Path) -> None:
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="another process"):
            fill(journal)
        with pytest.raises(Refused, match="another process"):
            Journal(path, SimulatedClock())
    fill(journal)
    assert journal.verify() == 4


def test_many_threads_and_processes_make_one_chain(path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from placewatch.core.acts import SHELL
        from placewatch.core.time import SystemClock
        from placewatch.register.journal import Journal
        journal = Journal(Path(sys.argv[1]), SystemClock())
        for number in range(50):
            journal.append(SHELL, "user.add", {"n": number})
        """
    )
    journal = Journal(path, SystemClock())
    others = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(2)]
    threads = [threading.Thread(target=fill, args=(journal, 50)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    assert journal.verify() == 1 + 2 * 50 + 4 * 50
    journal.close()


def test_a_process_killed_at_any_time_leaves_a_journal_that_opens(path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from placewatch.core.acts import SHELL
        from placewatch.core.time import SystemClock
        from placewatch.register.journal import Journal
        journal = Journal(Path(sys.argv[1]), SystemClock())
        while True:
            print(journal.append(SHELL, "user.add", {"text": "x" * 3000}).index, flush=True)
        """
    )
    confirmed = 0
    for acts in (1, 7, 40):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(acts):
            confirmed = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        confirmed = max([confirmed, *map(int, rest)])
        journal = Journal(path, SystemClock())
        assert journal.verify() > confirmed
        journal.close()


def test_an_act_that_is_too_long_is_refused(journal: Journal) -> None:
    with pytest.raises(Refused, match="bytes long"):
        journal.append(SHELL, "user.add", {"text": "x" * journals.LINE_BYTES_MAX})
    assert journal.verify() == 1


@given(
    details=st.dictionaries(
        st.text(st.characters(codec="ascii"), max_size=20),
        st.text(st.characters(codec="utf-8")) | st.integers(-(2**53) + 1, 2**53 - 1),
        max_size=5,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_written_is_read(journal: Journal, details: dict[str, str | int]) -> None:
    entry = journal.append(EVA, "setup.put", details)
    *_, last = journal.entries()
    assert last == entry
    assert last.details == details


@pytest.mark.parametrize("value", [1.0, True, None, 2**53, [], {}])
def test_only_strings_and_whole_numbers_are_written(journal: Journal, value: object) -> None:
    with pytest.raises(AssertionError):
        journal.append(EVA, "setup.put", {"value": value})  # type: ignore[dict-item]
    assert journal.verify() == 1
