"""A registry for tests: `python3 registry.py` serves one image, of the busybox of the machine that it runs on, on a port of 127.0.0.1.

It prints `{"port": …, "digest": "sha256:…"}`, and answers what `docker pull 127.0.0.1:PORT/web` asks (Docker's Registry HTTP API V2). Nothing of the
project is imported: it runs on a lab host. Docker needs no TLS on 127.0.0.0/8.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import platform
import sys
import tarfile
from pathlib import Path

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def layer() -> bytes:
    """An uncompressed layer: /bin/busybox and a page."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder in ("bin", "www"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, content, mode in (
            ("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755),
            ("www/hello.html", b"Hello from a registry\n", 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def main() -> None:
    plain = layer()
    packed = gzip.compress(plain, mtime=0)
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
        }
    ).encode()
    blobs = {digest(packed): packed, digest(config): config}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": len(config),
                "digest": digest(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "size": len(packed),
                    "digest": digest(packed),
                }
            ],
        }
    ).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            what, _, name = self.path.removeprefix("/v2/").rpartition("/")
            if self.path == "/v2/":
                self.answer(b"{}", "application/json")
            elif what == "web/manifests" and name in {"latest", digest(manifest)}:
                self.answer(manifest, MANIFEST_TYPE)
            elif what == "web/blobs" and name in blobs:
                self.answer(blobs[name], "application/octet-stream")
            else:
                self.answer(
                    b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}',
                    "application/json",
                    status=404,
                )

        do_HEAD = do_GET  # noqa: N815 - the base class's name

        def answer(self, content: bytes, kind: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", digest(content))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(json.dumps({"port": server.server_address[1], "digest": digest(manifest)}), flush=True)
    # Whoever started it closes its input when it is no longer needed.
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
