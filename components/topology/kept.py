"""Plans kept from one run to the next, in the user's cache: most runs are about a topology that was read before.

A plan depends on its file, on files that a `config_file` in it names, and on the code that makes it. One with a whole configuration in it, such a
file's or its own, is not kept: there may be passwords in it.
"""

import contextlib
import hashlib
import pickle
import secrets
import sys
from pathlib import Path

from components.topology.plan import Engine, Plan
from host_agent import dynamips_hardware
from sandbox.cache import default_cache


def kept_plan(path: Path, *, engine: Engine | None = None) -> Plan:
    """What `read_topology` returns, from the cache where nothing changed. Raises TopologyError, and OSError for no such file."""
    content = path.read_bytes()
    # Paths in a plan are absolute.
    place = path.absolute()
    key = _key(place, content, engine)
    kept = _folder() / hashlib.sha256(f"{place}".encode()).hexdigest()
    with contextlib.suppress(Exception):  # whatever is wrong with what was kept, the file itself is there
        kept_key, plan = pickle.loads(kept.read_bytes())  # noqa: S301 - the user's own file, as the code itself is
        if kept_key == key and isinstance(plan, Plan):
            return plan
    from components.topology.resolve import read_topology

    plan = read_topology(path, engine=engine)
    if any(router.config_is_raw for router in plan.routers):
        with contextlib.suppress(OSError):
            kept.unlink(missing_ok=True)  # an earlier one's is of no use to anybody
    else:
        with contextlib.suppress(OSError):  # a cache that can't be written is no reason to build no lab
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = kept.with_suffix(f".{secrets.token_hex(4)}")
            fresh.write_bytes(pickle.dumps((key, plan)))
            fresh.replace(kept)
    return plan


def _key(place: Path, content: bytes, engine: Engine | None) -> str:
    digest = hashlib.sha256(f"{sys.version} {place} {engine}\0".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    digest.update(Path(dynamips_hardware.__file__).read_bytes())
    digest.update(content)
    return digest.hexdigest()


def _folder() -> Path:
    return default_cache() / "plans"
