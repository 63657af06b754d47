"""Bad input: one clear sentence with what to try, exit status 2, nothing half-written."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.perceive.nets import crowd, net, yolox

PLACEWATCH = [sys.executable, "-m", "placewatch.cli"]
NOTICE = """
[camera.notice]
place = "Market"
purpose = "Count"
legal_basis = "Council decision 1"
owner = "City"
contact = "city@example.org"
until = 2999-01-01
"""


def placewatch(*words: str | Path, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [*PLACEWATCH, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def complains(words: list[str | Path], said: str, cwd: Path) -> None:
    before = sorted(cwd.rglob("*"))
    status, out, error = placewatch(*words, cwd=cwd)
    assert status == 2, error
    assert "Traceback" not in error + out
    assert said in error + out
    assert "try:" in error or "(" in error + out
    left = [path for path in sorted(cwd.rglob("*")) if path not in before]
    assert left == [], "something was left behind"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of an empty grey street, as MPEG-4."""
    import av
    import numpy as np

    path = tmp_path_factory.mktemp("clip") / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        picture = np.full((240, 320, 3), 120, np.uint8)
        for _ in range(20):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    complains(["watch", "nosuch.mp4"], "no file nosuch.mp4", tmp_path)


def test_an_address_where_nobody_answers(tmp_path: Path) -> None:
    complains(["watch", "rtsp://127.0.0.1:9/x"], "refused the connection", tmp_path)
    complains(["watch", "http://127.0.0.1:9/x"], "refused the connection", tmp_path)
    complains(["watch", "ftp://127.0.0.1/x"], "scheme", tmp_path)


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a video " * 50)
    complains(["watch", "notes.txt"], "no video", tmp_path)
    (tmp_path / "empty.mp4").write_bytes(b"")
    complains(["watch", "empty.mp4"], "empty", tmp_path)


def test_a_line_outside_the_picture(tmp_path: Path, clip: Path) -> None:
    complains(["watch", clip, "--line", "A=0,0,999,10"], "outside the picture", tmp_path)
    complains(["watch", clip, "--line", "A=0,0,10"], "no line", tmp_path)
    complains(["watch", clip, "--line", "A=5,5,5,5"], "no length", tmp_path)
    complains(["watch", clip, "--line", "A=1,1,9,9", "--line", "A=2,2,8,8"], "two lines", tmp_path)


def test_a_model_that_is_none(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no net")
    complains(["watch", clip, "--detector", "net.onnx"], "net.onnx", tmp_path)
    complains(["watch", clip, "--detector", "nosuch"], "no detector", tmp_path)
    net(tmp_path / "net.onnx", (64, 64), crowd())
    complains(["watch", clip, "--detector", "net.onnx"], "net.onnx sees 84 road users", tmp_path)
    net(tmp_path / "net.onnx", (64, 64), yolox(), sound=(113.0, 117.0))
    complains(["watch", clip, "--detector", "net.onnx"], "net.onnx answers with", tmp_path)
    complains(["models", "add", "nosuch"], "no net", tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    complains(["watch", clip, "--out", "taken/report"], "cannot be written", tmp_path)
    complains(["watch", clip, "--json", "."], "is a folder", tmp_path)
    (tmp_path / "old/report.html").mkdir(parents=True)
    complains(["watch", clip, "--out", "old"], "cannot be written", tmp_path)


def test_a_number_of_analysed_frames_that_is_out_of_range(tmp_path: Path, clip: Path) -> None:
    for fps in ("4", "1000", "nan"):
        complains(["watch", clip, "--analysed-fps", fps], "out of range", tmp_path)


def test_what_fails_leaves_no_new_folder(tmp_path: Path) -> None:
    words: list[str | Path] = ["watch", "nosuch.mp4", "--out", "new/report", "--json", "n/x.json"]
    complains(words, "no file nosuch.mp4", tmp_path)


def test_a_time_that_ends_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "placewatch.toml").write_text('site = "x"\ndata = "data"\n')
    words: list[str | Path] = ["export", "--from", "2026-11-24", "--to", "2026-11-23"]
    complains(words, "later", tmp_path)


def test_a_terminal_that_knows_only_ascii(tmp_path: Path, clip: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "TERM": "dumb"}
    for more in ([], ["--json", "-"]):
        done = subprocess.run(
            [*PLACEWATCH, "watch", str(clip), "--line", "Å=1,1,200,200", *more],
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **plain},
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if more:
            assert json.loads(done.stdout)["lines"][0]["name"] == "Å"


def test_ctrl_c_shows_what_was_seen_so_far(tmp_path: Path) -> None:
    for asked in (signal.SIGINT, signal.SIGTERM):
        watching = subprocess.Popen(
            [*PLACEWATCH, "watch", "street:main?width=320&height=180", "--json", "-"],
            stdout=subprocess.PIPE,
            cwd=tmp_path,
        )
        time.sleep(8.0)  # it has begun
        watching.send_signal(asked)
        out, _ = watching.communicate(timeout=60)
        assert watching.returncode == 0
        assert json.loads(out)["source"]["frames"] > 0


def test_a_misspelt_key_is_named_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "placewatch.toml").write_text('site = "x"\n[[camera]]\nid = "a"\nurI = "b"\n')
    for command in ("run", "check"):
        complains([command], 'camera "a", urI', tmp_path)


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "placewatch.toml").write_text(
            f'site = "x"\ndata = "data"\n[console]\nport = {port}\n'
        )
        status, _, error = placewatch("run", cwd=tmp_path)
        assert status == 2
        assert "in use" in error
        assert "Traceback" not in error
        status, out, _ = placewatch("check", cwd=tmp_path)
        assert status == 2
        assert f"port {port} is in use" in out


def test_a_camera_without_a_notice_is_found_by_check(tmp_path: Path, clip: Path) -> None:
    camera = f'[[camera]]\nid = "a"\nurl = "{clip}"\n'
    (tmp_path / "placewatch.toml").write_text('site = "x"\n[console]\nport = 0\n' + camera)
    status, out, _ = placewatch("check", cwd=tmp_path)
    assert status == 2
    assert "no notice" in out
    (tmp_path / "placewatch.toml").write_text('site = "x"\n[console]\nport = 0\n' + camera + NOTICE)
    status, out, _ = placewatch("check", cwd=tmp_path)
    assert status == 0, out
    assert "all is well" in out


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk(tmp_path: Path, clip: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    with contextlib.suppress(OSError):
        (small / "filler").write_bytes(b"x" * 16 * 1024)
    try:
        status, _, error = placewatch("watch", clip, "--out", small / "report", cwd=tmp_path)
        assert status == 2
        assert "Traceback" not in error
        assert "cannot" in error
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_what_is_not_a_command(tmp_path: Path) -> None:
    status, _, error = placewatch("wacth", "x", cwd=tmp_path)
    assert status == 2
    assert "wacth" in error
