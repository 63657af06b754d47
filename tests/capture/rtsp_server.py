"""RTSP server: a camera made of GStreamer, run by Debian's own Python in a process of its own.

    /usr/bin/python3 rtsp_server.py PORT [USER PASSWORD]

Serves `/street` (H.264), `/sound` (H.264 with a sound track) and `/tiles` (H.265), and the H.264 in
the MP4 file that the environment names as FILM as `/film`, at its own pace, from its beginning for
every client. Prints `ready`, then one line for each track that a client sets up.
"""

import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1"
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96"
H265 = "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph265pay name=pay0 pt=96"
SOUND = "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8"
STREETS = {
    "/street": f"( {PICTURE} ! {H264} )",
    "/sound": f"( {PICTURE} ! {H264} {SOUND} )",
    "/tiles": f"( {PICTURE} ! {H265} )",
}
if film := os.environ.get("FILM"):
    STREETS["/film"] = f"( filesrc location={film} ! qtdemux ! h264parse ! rtph264pay name=pay0 )"


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    for path, launch in STREETS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(path != "/film")
        if len(sys.argv) > 2:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("user", "media.factory.access", True)
            permissions.add_permission_for_role("user", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(path, factory)
    if len(sys.argv) > 2:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(sys.argv[2], sys.argv[3]), token)
        server.set_auth(auth)
    server.connect("client-connected", follow)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


def follow(_server: object, client: "GstRtspServer.RTSPClient") -> None:
    client.connect(
        "setup-request",
        lambda _client, context: print("setup", context.uri.get_request_uri(), flush=True),
    )


main()
