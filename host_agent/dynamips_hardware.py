"""What Dynamips 0.2.14 emulates: platforms, their slots, and the cards that go into them.

Dynamips itself accepts nonsense, such as a card in slot 3 of a c3725, which has two slots. The table is measured; see docs/dynamips.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

PlatformName: TypeAlias = Literal["c2691", "c3725", "c3745", "c3600", "c7200"]

CARD_PORTS = {
    "NM-1E": 1,
    "NM-4E": 4,
    "NM-1FE-TX": 1,
    "NM-16ESW": 16,
    "NM-4T": 4,
    "C7200-IO-FE": 1,
    "PA-FE-TX": 1,
    "PA-4E": 4,
    "PA-8E": 8,
    "WIC-1T": 1,
    "WIC-2T": 2,
}
"""Ports of a card."""
_NETWORK_MODULES = ("NM-1FE-TX", "NM-16ESW", "NM-4T")
_PORT_ADAPTERS = ("PA-FE-TX", "PA-4E", "PA-8E")
WIC_PORTS = {"0": 16, "1": 32, "2": 48}
"""WIC bay -> its first port in slot 0."""


@dataclass(frozen=True)
class Platform:
    """A router model. `built_in` is slot 0's own Ethernet ports; `slots` says which cards each slot takes."""

    ram_mib: int
    nvram_kib: int
    built_in: int
    slots: Mapping[str, tuple[str, ...]]
    wics: int = 0
    chassis: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Chassis -> ports built into slot 0, and the last slot."""
    onboard_card: str = ""
    """What Dynamips calls slot 0's own ports."""


def _slots(first: int, last: int, cards: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {str(slot): cards for slot in range(first, last + 1)}


PLATFORMS: dict[str, Platform] = {
    "c2691": Platform(128, 112, 2, _slots(1, 1, _NETWORK_MODULES), wics=3, onboard_card="GT96100-FE"),
    "c3725": Platform(128, 112, 2, _slots(1, 2, _NETWORK_MODULES), wics=3, onboard_card="GT96100-FE"),
    "c3745": Platform(128, 304, 2, _slots(1, 4, _NETWORK_MODULES), wics=3, onboard_card="GT96100-FE"),
    "c3600": Platform(
        128,
        128,
        0,
        _slots(0, 6, ("NM-1E", "NM-4E", *_NETWORK_MODULES)),
        chassis={"3620": (0, 1), "3640": (0, 3), "3660": (2, 6)},
        onboard_card="Leopard-2FE",
    ),
    "c7200": Platform(256, 128, 0, {"0": ("C7200-IO-FE",), **_slots(1, 6, _PORT_ADAPTERS)}),
}
DEFAULT_CHASSIS = "3640"


def card_problems(
    platform_name: str, chassis: str, slots: Mapping[str, str], wics: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """(property path, what is wrong) of each card that the platform does not take where it is."""
    platform = PLATFORMS[platform_name]
    model = f"{platform_name} ({chassis})" if platform.chassis else platform_name
    built_in, last = platform.chassis.get(chassis, (platform.built_in, 99))
    for slot, card in slots.items():
        takes = platform.slots.get(slot, ())
        if not takes or int(slot) > last or (slot == "0" and built_in):
            usable = [s for s in platform.slots if int(s) <= last and not (s == "0" and built_in)]
            yield f"slots[{slot!r}]", f"{model} has no slot {slot} for a card; it has {', '.join(usable)}"
        elif card not in takes:
            yield f"slots[{slot!r}]", f"{model} does not take {card} in slot {slot}; it takes {', '.join(takes)}"
    for bay, card in wics.items():
        if bay not in WIC_PORTS or int(bay) >= platform.wics:
            yield f"wics[{bay!r}]", f"{model} has no WIC bay {bay}" + ("; it has 0, 1, 2" if platform.wics else "")
        elif card not in {"WIC-1T", "WIC-2T"}:
            yield f"wics[{bay!r}]", f"{card} is no WIC that Dynamips emulates; there are WIC-1T, WIC-2T"


def ports(platform_name: str, chassis: str, slots: Mapping[str, str], wics: Mapping[str, str]) -> frozenset[str]:
    """All ports, `slot/port` as Dynamips counts them, that a router with these cards has."""
    platform = PLATFORMS[platform_name]
    built_in, _ = platform.chassis.get(chassis, (platform.built_in, 0))
    found = {f"0/{port}" for port in range(built_in)}
    for slot, card in slots.items():
        found |= {f"{slot}/{port}" for port in range(CARD_PORTS[card])}
    for bay, card in wics.items():
        found |= {f"0/{WIC_PORTS[bay] + port}" for port in range(CARD_PORTS[card])}
    return frozenset(found)
