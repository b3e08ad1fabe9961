"""Names of router ports, as IOS understands them.

`FastEthernet0/0`, `Fa0/0` and `fa 0/0` are one port: a `Port` is what to compare, not its spellings.
"""

import re
from dataclasses import dataclass

#: Long name → short name. IOS takes any prefix of the long one; here each begins with a letter of its own.
KINDS = {
    "FastEthernet": "Fa",
    "GigabitEthernet": "Gi",
    "Ethernet": "Et",
    "Serial": "Se",
    "Loopback": "Lo",
    "Vlan": "Vlan",
}
VIRTUAL = frozenset({"Loopback", "Vlan"})

_SPELLING = re.compile(r"([A-Za-z]+) ?([0-9]{1,5}(?:/[0-9]{1,3}){0,2})")


class PortNameError(ValueError):
    """The text names no router port; the message says what one looks like."""


@dataclass(frozen=True, order=True)
class Port:
    """One port of a router: its kind (a key of `KINDS`) and its numbers, slot first."""

    kind: str
    numbers: tuple[int, ...]

    @property
    def _number(self) -> str:
        return "/".join(map(str, self.numbers))

    @property
    def long(self) -> str:
        """The canonical IOS name: `FastEthernet0/0`, `Vlan2`."""
        return self.kind + self._number

    @property
    def short(self) -> str:
        """The usual short name: `Fa0/0`, `Vlan2`, `Lo0`."""
        return KINDS[self.kind] + self._number

    @property
    def ifname(self) -> str:
        """The Linux interface name, at most 15 characters: `Fa0-0` (an ifname has no slash), `Vlan2`.

        All loopbacks are `lo`: every namespace has it, it takes any number of addresses, and it is always up.
        """
        return "lo" if self.kind == "Loopback" else self.short.replace("/", "-")

    @property
    def is_virtual(self) -> bool:
        """Whether the port exists without a socket for a cable: Loopback and Vlan."""
        return self.kind in VIRTUAL


def parse(text: str) -> Port:
    """The port that `text` names, in any spelling IOS takes. Raises PortNameError."""
    match = _SPELLING.fullmatch(text.strip())
    kinds = [kind for kind in KINDS if match and kind.lower().startswith(match[1].lower())]
    if not match or not kinds:
        raise PortNameError(
            f"{text!r} is no port name: write it like Fa0/0, FastEthernet0/0, Gi0/1, Vlan2 or Loopback0"
        )
    port = Port(kinds[0], tuple(int(number) for number in match[2].split("/")))
    if port.is_virtual and len(port.numbers) != 1:
        raise PortNameError(f"{text!r} is no port name: {port.kind} takes one number, like {port.kind}2")
    if port.kind == "Vlan" and not 1 <= port.numbers[0] <= 4094:
        raise PortNameError(f"{text!r} is no port name: VLAN numbers go from 1 to 4094")
    return port
