"""What is made again, in which order, and who waits for whom."""

from __future__ import annotations

import threading
from pathlib import Path

from host_agent import kinds, restore
from host_agent.ledger import Entry, Ledger
from host_agent.schema import JSON

WEB = "a1b2c3d4/container/web#000001"
R1 = "a1b2c3d4/network_namespace/R1#000002"
R2 = "a1b2c3d4/network_namespace/R2#000003"


def entry(kind: str, key: str, object_id: str = "", **args: JSON) -> Entry:
    return Entry(object_id or f"a1b2c3d4/{kind}/{key}#ffffff", "a1b2c3d4", kind, key, args, 0)


def test_every_kind_has_its_place() -> None:
    assert sorted(restore.ORDER) == sorted(name for name in kinds.NAMES if name != "lease")


def test_what_hangs_on_a_container() -> None:
    web = entry("container", "web", WEB)
    link = entry("veth_pair", "web-dev", endpoints=[{"namespace": WEB}, {"namespace": R1}])
    inside = entry("route", "web/default", namespace=WEB)
    by_the_link = entry("route", "R1/10.9.0.0", namespace=R1)
    elsewhere = entry("route", "R2/10.9.0.0", namespace=R2)
    other = entry("veth_pair", "R1-R2", endpoints=[{"namespace": R1}, {"namespace": R2}])
    entries = [web, link, inside, by_the_link, elsewhere, other]
    assert restore._hanging_on(entries, [web]) == [link, inside, by_the_link]


def test_whoever_is_alone_waits_for_those_that_share(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open_lease("a1b2c3d4", {"kept": True})
    order: list[str] = []

    def mend() -> None:
        with ledger.alone("a1b2c3d4"):
            order.append("alone")

    waiting = threading.Thread(target=mend)
    with ledger.shared("a1b2c3d4"), ledger.shared("a1b2c3d4"):
        waiting.start()
        waiting.join(0.1)
        order.append("shared")
    waiting.join(10)
    assert order == ["shared", "alone"]


def test_a_lease_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    with Ledger(tmp_path).alone("a1b2c3d4"), Ledger(tmp_path).alone(""):
        pass


def test_only_what_is_to_be_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open_lease("a", {"kept": True})
    ledger.open_lease("b", {"kept": False})
    ledger.open_lease("c", {})
    assert ledger.kept_leases() == ["a"]
