"""Cameras: an RTSP and an HTTP camera for tests, which can be killed and frozen."""

import base64
import io
import itertools
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image
from tests.capture.films import FPS, make_film, street, ts_packets

from placewatch.capture.source import SourceSpec
from placewatch.core.ids import CameraId

CAMERA = CameraId("kista-03")
PYTHON = "/usr/bin/python3"  # Debian's own, which knows GStreamer
NEEDED = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
missing = [name for name in ("x264enc", "rtph264pay") if Gst.ElementFactory.find(name) is None]
raise SystemExit(f"no {missing}" if missing else 0)
"""


class RtspCamera:
    """An RTSP server in a process of its own, which can be killed and started again."""

    def __init__(self, login: tuple[str, str] | None = None, film: Path | None = None) -> None:
        """`film` is an MP4 file of H.264 that it sends as `/film`."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.login, self.film = login, film
        self.said: list[str] = []
        self.start()

    def start(self) -> None:
        script = Path(__file__).with_name("rtsp_server.py")
        command = [PYTHON, str(script), str(self.port), *(self.login or ())]
        environment = {**os.environ, **({"FILM": str(self.film)} if self.film else {})}
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def kill(self) -> None:
        """As a power cut does: no goodbye."""
        self.process.kill()
        self.process.wait()
        self._listener.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def freeze(self) -> None:
        """As a hung camera: connected, and silent for ever."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def spec(self, path: str = "/street", **changes: object) -> SourceSpec:
        url = f"rtsp://127.0.0.1:{self.port}{path}"
        return SourceSpec(CAMERA, url, **changes)  # type: ignore[arg-type]

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(line.strip() for line in self.process.stdout)


def why_no_rtsp() -> str:
    """Why no RTSP camera can run on this machine; empty when one can."""
    try:
        answer = subprocess.run([PYTHON, "-c", NEEDED], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        return f"there is no {PYTHON}"
    if answer.returncode == 0:
        return ""
    return (
        "GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi and the"
        f" base, good, bad and ugly plugins): {answer.stderr.strip().splitlines()[-1]}"
    )


LOGIN = ("ada", "pa:ss w/rd")


class HttpCamera(BaseHTTPRequestHandler):
    """What is behind each path. `films` is where its files are."""

    films: Path
    step_s = 0.02
    over = threading.Event()

    def do_GET(self) -> None:
        word = self.path.partition("?")[0].strip("/")
        if word == "locked" and not self._knows_login():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif word in ("mjpeg", "locked", "freezes", "ends", "broken", "shabby"):
            self._send_pictures(word)
        elif word == "joined":
            self._send_from_the_middle()
        elif word in ("forbidden", "busy"):
            self.send_error(403 if word == "forbidden" else 503)
        elif word == "page":
            self._send(b"<html><body>a camera</body></html>" * 50, "text/html")
        elif (self.films / word).is_file():
            self._send((self.films / word).read_bytes(), "video/mp2t")
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def _knows_login(self) -> bool:
        expected = base64.b64encode(":".join(LOGIN).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_from_the_middle(self) -> None:
        """A stream that began before: four seconds of it refer to a key frame that is gone."""
        film = make_film(
            self.films / "rare.ts", frames=200, options={"g": "100", "bf": "0", "sc_threshold": "0"}
        )
        packets = ts_packets(film)
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        try:
            frame = 0
            for packet in packets:
                pid = int.from_bytes(packet[1:3]) & 0x1FFF
                begins = pid == 0x100 and packet[1] & 0x40  # FFmpeg gives the video this number
                frame += bool(begins)
                if begins and frame > 10:
                    time.sleep(1 / FPS)
                if pid != 0x100 or frame > 10:
                    self.wfile.write(packet)
        except ConnectionError:
            return

    def _send_pictures(self, word: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for number in itertools.count():
                if self.over.is_set() or (word == "ends" and number == 20):
                    return
                if word == "freezes" and number == 20:
                    self.over.wait()
                body = jpeg(number)
                if word == "shabby" or (word == "broken" and number % 5 == 4):
                    body = body[: len(body) * 3 // 4]
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body + b"\r\n")
                time.sleep(self.step_s)
        except ConnectionError:
            return  # the watcher closed


def jpeg(number: int) -> bytes:
    stream = io.BytesIO()
    pixels = street(number).to_ndarray(format="rgb24").view(np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


@contextmanager
def http_camera(films: Path) -> Iterator[str]:
    """The address of an HTTP camera that also serves the files in `films`."""
    HttpCamera.films, HttpCamera.over = films, threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), HttpCamera)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        HttpCamera.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
