"""The instance metadata service, version 2: metadata.py FOLDER, in the network namespace beyond an instance's interface.

FOLDER/metadata.json holds {"tokens": "required" or "optional", "hop_limit": 1 to 64, "values": {path: text}}, and is read for each
request; FOLDER/user-data is the user data. Answers go no further than the hop limit: as in EC2, a packet that is forwarded on
the instance counts a hop.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ADDRESS = ("169.254.169.254", 80)
TOKEN_HEADER, LIFETIME_HEADER = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"
_tokens: dict[str, float] = {}
"""Until when each holds."""


class Handler(BaseHTTPRequestHandler):
    folder = Path()

    def setup(self) -> None:
        super().setup()
        self.about = json.loads((self.folder / "metadata.json").read_text())
        # Of the whole connection, where EC2 has it of the answer with the token: without that there is none of the others.
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, self.about["hop_limit"])

    def do_PUT(self) -> None:
        lifetime = self.headers.get(LIFETIME_HEADER, "")
        if self.path != "/latest/api/token" or not lifetime.isdecimal() or not 1 <= int(lifetime) <= 21600:
            self._answer(400, b"")
            return
        token = secrets.token_urlsafe(32)
        _tokens[token] = time.monotonic() + int(lifetime)
        self._answer(200, token.encode())

    def do_GET(self) -> None:
        token = self.headers.get(TOKEN_HEADER)
        if (token or self.about["tokens"] == "required") and _tokens.get(token or "", 0) < time.monotonic():
            self._answer(401, b"")
        elif self.path == "/latest/user-data":
            self._answer(200, (self.folder / "user-data").read_bytes())
        elif self.path.removeprefix("/latest/meta-data/") in self.about["values"]:
            self._answer(200, self.about["values"][self.path.removeprefix("/latest/meta-data/")].encode())
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Nobody reads it."""


if __name__ == "__main__":
    Handler.folder = Path(sys.argv[1])
    ThreadingHTTPServer(ADDRESS, Handler).serve_forever()
