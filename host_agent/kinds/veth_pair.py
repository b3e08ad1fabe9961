"""`ip link add A netns NS1 … type veth peer B netns NS2 …`: a cable between two interfaces, with what is plugged in at each end.

Both ends are made where they belong and never appear elsewhere; the alias of each says whose it is. What a device owns
(`owned`) is set when the pair is made and then left alone.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from host_agent.context import Context, Shown, namespace_key, netns_name
from host_agent.errors import Conflict, Missing
from host_agent.ledger import split_id
from host_agent.links import (
    Link,
    VethEnd,
    add_address,
    add_veth_pair,
    address_changes,
    addresses,
    change_link,
    decode_link,
    delete_link,
    find_link,
    find_links,
    link_request,
    namespace_id,
)
from host_agent.netlink import NetlinkError, Rtnetlink, handle, rtnetlink
from host_agent.routes import DEFAULT, MAIN_TABLE, PROTOCOL, Route, delete_route, replace_route, routes
from host_agent.schema import REPLACE, Address, Ifname, InterfaceAddress, Mac, Mtu, ObjectId

_making = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One end: an interface in a namespace."""

    namespace: Annotated[ObjectId, REPLACE]
    """Id of the NetworkNamespace or Container that it is in."""
    ifname: Annotated[Ifname, REPLACE]
    master: ObjectId = ""
    """Id of the Bridge, in the same namespace, that it is a port of. Observed: the bare ifname of another master."""
    addresses: tuple[InterfaceAddress, ...] = ()
    mac: Mac | None = None
    """None: the kernel's choice, at random."""
    mtu: Mtu = 1500
    up: bool = True
    default_via: Address | None = None
    """The gateway of the namespace's default route (table main, metric 0), which replaces the one that is there; None leaves that alone."""
    owned: tuple[Literal["addresses", "routes", "up"], ...] = ()
    """What belongs to the device's user, or to its routing daemon: given once, then neither drift nor repaired. `routes` is `default_via`."""


def _two(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    if len(endpoints) != 2:
        raise ValueError(f"must be two, not {len(endpoints)}")
    return endpoints


@dataclass(frozen=True, kw_only=True)
class Args:
    """A veth pair as declared or observed."""

    endpoints: Annotated[tuple[Endpoint, ...], _two]
    """The two ends."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the kernel chose, for each end."""

    ifindexes: tuple[int, ...]
    macs: tuple[str, ...]


def key(args: Args) -> str:
    return "--".join(f"{namespace_key(endpoint.namespace)}/{endpoint.ifname}" for endpoint in args.endpoints)


def add(context: Context, args: Args) -> Outputs:
    with _ends(args) as (first, second):
        # From the look to the making nobody else may make one of these names: what is made gets its mark by name, in the same system call.
        with _making:
            if not _find_pair(context, first, second):
                _clear(context, first, second)
                _make(context, first, second)
        # The second end first: once it is up, so is the carrier of the first.
        second.adapt(context)
        first.adapt(context)
        return _outputs(first, second)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    try:
        with _ends(args) as (first, second):
            if not _find_pair(context, first, second):
                return None
            observed = Args(endpoints=(first.observe(), second.observe()))
            return Shown(observed, _outputs(first, second))
    except Missing:
        return None


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    # With one end goes the other, wherever it is; each is tried, as what is half made or half moved away may have one of them only.
    for endpoint in args.endpoints:
        with contextlib.suppress(Missing), rtnetlink(netns_name(endpoint.namespace)) as socket:
            link = find_link(socket, endpoint.ifname)
            if link is not None and link.kind == "veth" and link.alias == context.mark:
                _delete(socket, link)


class _End:
    """One end at work: what is declared, a socket in its namespace, and what was found there."""

    def __init__(self, endpoint: Endpoint, socket: Rtnetlink) -> None:
        self.endpoint = endpoint
        self.socket = socket
        self.link: Link | None = None
        self.master: Link | None = None
        """The declared master."""
        self.is_new = False

    @property
    def found(self) -> Link:
        assert self.link is not None
        return self.link

    def look(self) -> None:
        """Find the interface and its declared master, in one round-trip."""
        self.link, self.master = find_links(self.socket, self.endpoint.ifname, _ifname_of(self.endpoint.master))

    def adapt(self, context: Context) -> None:
        """Make the interface what is declared, by its differences."""
        link, endpoint = self.found, self.endpoint
        master = self._master_index()
        mtu = endpoint.mtu if link.mtu != endpoint.mtu else None
        mac = endpoint.mac if endpoint.mac != link.mac else None
        up = endpoint.up if link.up != endpoint.up and (self.is_new or "up" not in endpoint.owned) else None
        change = change_link(
            index=link.ifindex,
            mtu=mtu,
            mac=mac,
            up=up,
            master=master if link.master != master else None,
            alias=context.mark,
            promote_secondaries=True,
            arp_notify=True,
        )
        is_as_declared = (mtu, mac, up, link.master, link.alias) == (None, None, None, master, context.mark)
        requests = [] if is_as_declared and not self.is_new else [change]
        if self.is_new:
            requests += [add_address(link.ifindex, value) for value in endpoint.addresses]
        elif "addresses" not in endpoint.owned:
            requests += address_changes(link.ifindex, addresses(self.socket, link.ifindex), endpoint.addresses)
        if self.is_new and endpoint.default_via:
            requests.append(replace_route(self._default(endpoint.default_via)))
        self.socket.request(*requests)
        # A link that was down has lost its routes, hence only now.
        if not self.is_new and "routes" not in endpoint.owned:
            self._adapt_default()

    def observe(self) -> Endpoint:
        """The endpoint as it is; what is undeclared or owned is shown as declared."""
        link, endpoint = self.found, self.endpoint
        present = (
            addresses(self.socket, link.ifindex) if "addresses" not in endpoint.owned else list(endpoint.addresses)
        )
        return Endpoint(
            namespace=endpoint.namespace,
            ifname=endpoint.ifname,
            master=self._observe_master(),
            # In the declared order: the kernel's follows history.
            addresses=(
                *(value for value in endpoint.addresses if value in present),
                *(value for value in present if value not in endpoint.addresses),
            ),
            mac=link.mac if endpoint.mac else None,
            mtu=link.mtu,
            up=endpoint.up if "up" in endpoint.owned else link.up,
            # Where none is declared, a default route is nobody's business here.
            default_via=endpoint.default_via and self._observe_default(),
            owned=endpoint.owned,
        )

    def _master_index(self) -> int:
        endpoint = self.endpoint
        if not endpoint.master:
            return 0
        if self.master is None or split_id(endpoint.master)[2].rpartition("/")[0] != namespace_key(endpoint.namespace):
            where = f"interface {endpoint.ifname} in {namespace_key(endpoint.namespace)}"
            raise Missing(f"{where}: its master {endpoint.master} is not there; a master must be in the same namespace")
        return self.master.ifindex

    def _observe_master(self) -> str:
        if self.found.master == 0:
            return ""
        if self.master is not None and self.found.master == self.master.ifindex:
            return self.endpoint.master
        other = find_link(self.socket, index=self.found.master)
        return other.ifname if other else ""

    def _default(self, via: str) -> Route:
        return Route(dst=DEFAULT, via=via, ifindex=self.found.ifindex)

    def _defaults(self) -> list[Route]:
        """The default routes with metric 0 that leave by this end: one or none."""
        return [
            route
            for route in routes(self.socket, MAIN_TABLE, self.found.ifindex)
            if route.dst == DEFAULT and route.metric == 0
        ]

    def _observe_default(self) -> str | None:
        if "routes" in self.endpoint.owned:
            return self.endpoint.default_via
        return next((route.via for route in self._defaults()), None)

    def _adapt_default(self) -> None:
        present, wanted = self._defaults(), self.endpoint.default_via
        if wanted and [route.via for route in present] != [wanted]:
            self.socket.request(replace_route(self._default(wanted)))
        elif not wanted:
            self.socket.request(*(delete_route(route) for route in present if route.protocol == PROTOCOL))


@contextlib.contextmanager
def _ends(args: Args) -> Iterator[tuple[_End, _End]]:
    first, second = args.endpoints
    with (
        rtnetlink(netns_name(first.namespace)) as first_socket,
        rtnetlink(netns_name(second.namespace)) as second_socket,
    ):
        yield _End(first, first_socket), _End(second, second_socket)


def _is_ours(context: Context, end: _End) -> bool:
    # What the ledger did not know before is another object of the same lease, by the same name.
    return context.adopt and end.link is not None and end.link.kind == "veth" and end.link.alias == context.mark


def _find_pair(context: Context, first: _End, second: _End) -> bool:
    """Look at both ends; True if they are there, ours, and ends of one pair."""
    first.look()
    second.look()
    # One mark is enough: the other end's comes a system call later, which a killed agent did not make.
    return (_is_ours(context, first) or _is_ours(context, second)) and _joined(first, second)


def _joined(first: _End, second: _End) -> bool:
    if first.link is None or second.link is None:
        return False
    if (first.link.peer, second.link.peer) != (second.link.ifindex, first.link.ifindex):
        return False
    # An ifindex means something in one namespace only.
    netns, other = netns_name(first.endpoint.namespace), netns_name(second.endpoint.namespace)
    if netns == other:
        return first.link.peer_nsid == -1
    with handle(other) as descriptor:
        return first.link.peer_nsid == namespace_id(first.socket, descriptor)


def _clear(context: Context, first: _End, second: _End) -> None:
    """Take away what is half made or half gone of ours. Raises Conflict, before anything is touched, for what is somebody else's."""
    present = [end for end in (first, second) if end.link is not None]
    for end in present:
        if not _is_ours(context, end):
            what = f"interface {end.endpoint.ifname} in {namespace_key(end.endpoint.namespace)}"
            raise Conflict(what, context.owner_of(end.found.alias))
    for end in present:
        _delete(end.socket, end.found)


def _make(context: Context, first: _End, second: _End) -> None:
    """Both ends, each in its namespace; the first marked at once, so that no unmarked pair can be left behind."""
    with handle(netns_name(second.endpoint.namespace)) as descriptor:
        messages = first.socket.request(
            add_veth_pair(
                VethEnd(first.endpoint.ifname, first.endpoint.mtu, first.endpoint.mac),
                VethEnd(second.endpoint.ifname, second.endpoint.mtu, second.endpoint.mac, descriptor),
            ),
            change_link(ifname=first.endpoint.ifname, alias=context.mark),
            link_request(first.endpoint.ifname),
        )
    first.link = decode_link(messages[0])
    second.link = find_link(second.socket, index=first.link.peer)
    first.is_new = second.is_new = True


def _delete(socket: Rtnetlink, link: Link) -> None:
    try:
        socket.request(delete_link(link.ifindex))
    except NetlinkError as error:
        if error.errno != errno.ENODEV:  # gone with its other end
            raise


def _ifname_of(bridge: str) -> str:
    """The ifname in the id of a bridge; "" for none."""
    return split_id(bridge)[2].rpartition("/")[2] if bridge else ""


def _outputs(first: _End, second: _End) -> Outputs:
    return Outputs(
        ifindexes=(first.found.ifindex, second.found.ifindex),
        macs=(first.endpoint.mac or first.found.mac, second.endpoint.mac or second.found.mac),
    )
