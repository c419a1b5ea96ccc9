#!/usr/bin/python3
"""An RTSP camera for tests: gst-rtsp-server with x264 and AAC.

Prints `PORT <n>` when it listens, `CLIENTS <n>` at each connection, and when a finite stream (--frames) is over
`SENT <pts of the pictures in decode order> <pts of the sound>` (running time in ns, with commas; `-` for none). Needs gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-{good,ugly} and -libav.
"""
import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--port", default="0")
    p.add_argument("--path", default="/extron1")
    p.add_argument("--user")
    p.add_argument("--password")
    p.add_argument("--basic", action="store_true", help="basic instead of digest authentication")
    p.add_argument("--bframes", type=int, default=0)
    p.add_argument("--gop", type=int, default=25)
    p.add_argument("--fps", type=int, default=25)
    p.add_argument("--frames", type=int, default=-1, help="end after so many pictures")
    p.add_argument("--codec", default="h264", choices=["h264", "mpeg4", "jpeg"])
    p.add_argument("--no-audio", action="store_true")
    p.add_argument("--no-video", action="store_true")
    p.add_argument("--in-band", action="store_true", help="parameter sets in the stream, before each keyframe")
    p.add_argument("--black-out", type=int, default=-1, help="send nothing after so many pictures, without an end")
    return p.parse_args()


def launch(a):
    encoders = {
        "h264": f"x264enc speed-preset=ultrafast bitrate=300 bframes={a.bframes} b-adapt=false key-int-max={a.gop} "
        f"option-string=scenecut=0:b-pyramid={'normal' if a.bframes > 2 else 'none'} rc-lookahead=5 sync-lookahead=0 "
        f"! video/x-h264,profile=main ! rtph264pay name=pay0 pt=96 config-interval={-1 if a.in_band else 0}",
        "mpeg4": "avenc_mpeg4 ! rtpmp4vpay name=pay0 pt=96",
        "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
    }
    parts = []
    if not a.no_video:
        parts.append(
            f"videotestsrc is-live=true pattern=ball num-buffers={a.frames} "
            f"! video/x-raw,format=I420,width=320,height=180,framerate={a.fps}/1 ! " + encoders[a.codec]
        )
    if not a.no_audio:
        seconds = a.frames / a.fps
        buffers = -1 if a.frames < 0 else int(seconds * 48000 / 1024)
        index = 0 if a.no_video else 1
        parts.append(
            f"audiotestsrc is-live=true wave=ticks samplesperbuffer=1024 num-buffers={buffers} "
            f"! audio/x-raw,rate=48000,channels=2 ! audioconvert ! avenc_aac ! rtpmp4gpay name=pay{index} pt=97"
        )
    return "( " + " ".join(parts) + " )"


class Counter:
    """Counts what goes into the payloaders, to compare with what came out at the other end."""

    def __init__(self, a):
        self.sent = {"video": [], "audio": []}
        self.a = a

    def configure(self, _factory, media):
        names = ["video", "audio"]
        if self.a.no_video:
            names = ["audio"]
        elif self.a.no_audio:
            names = ["video"]
        ends = set()
        for i, name in enumerate(names):
            pad = media.get_element().get_by_name(f"pay{i}").get_static_pad("sink")
            pad.add_probe(
                Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM, self.seen, (name, ends, len(names))
            )

    def seen(self, pad, info, data):
        name, ends, tracks = data
        if info.type & Gst.PadProbeType.BUFFER:
            if 0 <= self.a.black_out <= len(self.sent["video"]) and name == "video":
                return Gst.PadProbeReturn.DROP
            segment = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
            running = segment.to_running_time(Gst.Format.TIME, info.get_buffer().pts)
            self.sent[name].append(str(running))
        elif info.get_event().type == Gst.EventType.EOS:
            ends.add(name)
            if len(ends) == tracks:
                print("SENT", *[",".join(self.sent[n]) or "-" for n in ("video", "audio")], flush=True)
        return Gst.PadProbeReturn.OK


def protect(server, factory, a):
    method = GstRtspServer.RTSPAuth
    auth = method()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if a.basic:
        auth.add_basic(method.make_basic(a.user, a.password), token)
    else:
        auth.set_supported_methods(gi.repository.GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(a.user, a.password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main():
    a = arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(a.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch(a))
    factory.connect("media-configure", Counter(a).configure)
    if a.user:
        protect(server, factory, a)
    server.get_mount_points().add_factory(a.path, factory)
    clients = [0]

    def connected(_server, _client):
        clients[0] += 1
        print(f"CLIENTS {clients[0]}", flush=True)

    server.connect("client-connected", connected)
    if not server.attach(None):
        sys.exit("can't listen")
    print(f"PORT {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


main()
