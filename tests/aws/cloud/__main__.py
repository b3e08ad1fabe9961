"""The cloud as a process: python -m tests.aws.cloud."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.aws.cloud import images

STRICT = {
    "MOTO_ENABLE_AMI_VALIDATION": "true",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true",
    "MOTO_ENABLE_KEYPAIR_VALIDATION": "true",
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
}
"""moto's own checks, all of them."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.aws.cloud", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the endpoint; default: any")
    parser.add_argument("--no-hosts", action="store_true", help="instances are records only: nothing boots")
    parser.add_argument("--quota", metavar="CODE=NUMBER", action="append", default=[], help="a limit in Service Quotas")
    parser.add_argument(
        "--until-eof", action="store_true", help="end when standard input does, so with whoever holds it"
    )
    arguments = parser.parse_args()
    quotas = {code: float(number) for code, _, number in (quota.partition("=") for quota in arguments.quota)}
    with tempfile.TemporaryDirectory() as folder:
        amis = Path(folder) / "amis.json"
        images.write(amis)
        # moto reads these when it is imported.
        os.environ.update(STRICT, MOTO_AMIS_PATH=str(amis))
        from tests.aws.cloud.endpoint import Endpoint

        endpoint = Endpoint(arguments.port, Path(folder), boots=not arguments.no_hosts, quotas=quotas)
        end = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: end.set())
        try:
            print(endpoint.url, flush=True)
            if arguments.until_eof:
                threading.Thread(target=_set_at_eof, args=(end,), daemon=True).start()
            end.wait()
        finally:
            endpoint.close()
    return 0


def _set_at_eof(end: threading.Event) -> None:
    sys.stdin.read()
    end.set()


if __name__ == "__main__":
    sys.exit(main())
