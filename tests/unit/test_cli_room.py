from __future__ import annotations

from cli.room import Room, Tenant, report
from dynamic_providers.endpoint import Endpoint

HOST = Endpoint("192.0.2.10", 22, "lab")


def test_who_has_what_and_what_is_left() -> None:
    tenants = (
        Tenant("a1b2c3d4", "ana", "eve@laptop", 512, 0.8),
        Tenant("0badcafe", "bob", "eve@laptop", 1024, 1.0),
        Tenant("deadbeef", "old", "eve@laptop", None, None),
    )
    assert report(Room("room", HOST, 7000, 8.0, tenants)).splitlines() == [
        "Stack room makes the host lab@192.0.2.10:22 for others' labs",
        "",
        "stack  user        lease     memory    processors",
        "ana    eve@laptop  a1b2c3d4  512 MiB   0.8",
        "bob    eve@laptop  0badcafe  1024 MiB  1",
        "old    eve@laptop  deadbeef  ?         ?",
        "",
        "3 labs; left are 5464 of 7000 MiB and 6.2 of 8 processors",
    ]


def test_an_empty_one() -> None:
    assert report(Room("room", HOST, 7000, 8.0, ())).splitlines()[2:] == [
        "0 labs; left are 7000 of 7000 MiB and 8 of 8 processors"
    ]
