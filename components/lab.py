"""The whole lab of a topology, as one component."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, cast

import pulumi

from components.checks import describe
from components.container import LabContainer
from components.emulated_router import EmulatedRouter
from components.network import Network
from components.router import PORT_OWNED, Router
from components.site import Share, Site
from components.topology.plan import FREE, ON_HOST, AttachmentPlan, LinkEnd, LinkPlan, Plan
from components.uplink import Uplink
from dynamic_providers.bridge import Bridge
from dynamic_providers.dynamips_hypervisor import DynamipsHypervisor
from dynamic_providers.image import Image
from dynamic_providers.key_pair import KeyPair
from dynamic_providers.lab_lease import LabLease, this_user
from dynamic_providers.network_namespace import NetworkNamespace
from dynamic_providers.route import Route
from dynamic_providers.router_image import RouterImage
from dynamic_providers.veth_pair import EndpointArgs, VethPair

if TYPE_CHECKING:
    from components.plugin_images import PluginImages


class Lab(pulumi.ComponentResource):
    """A lab: its lease, and all that the lease owns.

    Lab("ccna_ch8", plan=read_topology(path), host=lab_host.host, host_ifname=lab_host.uplink, machine=None)

    Outputs: `devices` says of each device its kind, addresses, namespace on the host, and the command that opens its console; `checks`
    what must hold.
    """

    lease: LabLease
    host: pulumi.Output[Mapping[str, object]]
    """How what is in the lab is reached."""
    devices: pulumi.Output[Mapping[str, Mapping[str, object]]]
    checks: list[dict[str, object]]

    def __init__(
        self,
        name: str,
        *,
        plan: Plan,
        host: pulumi.Output[Mapping[str, object]],
        host_ifname: pulumi.Output[str],
        machine: pulumi.Resource | None,
        reset: int = 0,
        share: Share | None = None,
        image_plugin: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`host_ifname` is the interface of the host's default route, for topologies with NAT.

        Another `reset` gives emulated routers their configuration anew.
        `machine` is what the stack made the host with, if it did: then the lab goes with it, without a call per object.
        `share` is the lab's part of a host that others share: then the lease's own key, not the host's, works for all but the lease itself.
        """
        super().__init__("lab:components:Lab", name, None, opts)
        images = _plugin_images(plan, host, machine, self) if image_plugin else None
        self.lease = LabLease(
            "lease",
            project=pulumi.get_project(),
            stack=pulumi.get_stack(),
            user=this_user(),
            public_key=share.key.public_key if share else "",
            budget=share.budget if share else None,
            capacity=share.capacity if share else None,
            host=host,
            # The lease ends the containers, before the images that they are made from.
            opts=pulumi.ResourceOptions(parent=self, deleted_with=machine, depends_on=[images] if images else None),
        )
        self.host = _opened_by(share.key, host, self.lease) if share else host
        contents = LabContents(
            name,
            plan=plan,
            host=self.host,
            host_itself=host,
            lease=self.lease.lease,
            uplink=self.lease.uplink,
            host_ifname=host_ifname,
            reset=reset,
            image_ids=images.ids if images else {},
            opts=pulumi.ResourceOptions(parent=self, deleted_with=self.lease),
        )
        stack = pulumi.get_stack()
        self.devices = contents.devices.apply(
            lambda devices: {
                name: {**device, "console": f"lab -s {stack} console {name}"} for name, device in devices.items()
            }
        )
        self.checks = [describe(check) for check in plan.checks]
        self.register_outputs({"devices": self.devices, "checks": self.checks})


class LabContents(pulumi.ComponentResource):
    """What a lease owns. A component of its own because `deleted_with` can't point at what the same component makes."""

    devices: pulumi.Output[Mapping[str, Mapping[str, object]]]

    def __init__(
        self,
        name: str,
        *,
        plan: Plan,
        host: pulumi.Output[Mapping[str, object]],
        host_itself: pulumi.Output[Mapping[str, object]],
        lease: pulumi.Output[str],
        uplink: pulumi.Output[str],
        host_ifname: pulumi.Output[str],
        reset: int,
        image_ids: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`host_itself` is the host with the key that may change what is not the lab's alone; `image_ids` are images that are there already."""
        super().__init__("lab:components:LabContents", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        namespace = NetworkNamespace(
            "host", name="host", forwarding=plan.host.forwarding, host=host, lease=lease, opts=own
        )
        site = Site(host=host, lease=lease, namespace=namespace.id)
        for network in plan.networks:
            made = Network(network.name, plan=network, site=site, namespace=namespace.id, opts=own)
            site.bridges[network.bridge] = made.bridge.id
        interfaces = [
            site.attach(interface, namespace=namespace.id, addresses=interface.addresses, parent=self)
            for interface in plan.host.interfaces
        ]
        for route in plan.host.routes:
            ways = _ways_to(route.via, zip(plan.host.interfaces, interfaces, strict=True))
            Route(
                f"host-{route.dst}",
                namespace=namespace.id,
                dst=route.dst,
                via=route.via,
                # By name, so that it moves to an interface that takes the place of another before that one goes.
                dev=ways[0][0].ifname if ways else None,
                links=[pair.id for _, pair in ways],
                host=host,
                lease=lease,
                # The gateway must be on an interface's subnet when the kernel is asked.
                opts=pulumi.ResourceOptions(parent=self, depends_on=interfaces),
            )
        self._links_of_emulated(plan, site)
        router_images = self._router_images(plan, site)
        routers = {
            router.name: Router(router.name, plan=router, site=site, opts=own)
            for router in plan.routers
            if router.dynamips is None
        }
        daemons = {
            daemon.name: DynamipsHypervisor(
                daemon.name,
                name=daemon.name,
                namespace=namespace.id,
                cpus=daemon.cpus,
                host=host,
                lease=lease,
                opts=own,
            )
            for daemon in plan.hypervisors
        }
        emulated = {
            router.name: EmulatedRouter(
                router.name,
                plan=router,
                site=site,
                image=router_images[router.dynamips.image],
                shared=daemons.get(router.dynamips.hypervisor or ""),
                reset=reset,
                opts=own,
            )
            for router in plan.routers
            if router.dynamips is not None
        }
        for link in plan.links:
            # Between two emulated routers it is UDP, which needs no object of its own.
            ends = [
                _link_end(routers[end.router], end) if end.router in routers else _bridged_end(site, link, other)
                for end, other in ((link.a, link.b), (link.b, link.a))
                if end.router in routers or other.router in routers
            ]
            if ends:
                VethPair(link.name, endpoints=(ends[0], ends[1]), host=host, lease=lease, opts=own)
        own_images = {
            image.name: Image(
                image.name,
                name=image.name,
                rootfs=image.rootfs,
                build=image.build,
                pull=image.pull,
                host_files={file.target: file.source for file in image.host_files},
                host=host,
                lease=lease,
                opts=own,
            )
            for image in plan.images
            if image.name not in image_ids
        }
        images = {**image_ids, **{name: image.image_id for name, image in own_images.items()}}
        containers: dict[str, LabContainer] = {}
        if plan.containers:
            pause = Image(
                "pause",
                name="pause",
                rootfs="images/pause",
                host_files={"/bin/busybox": "/bin/busybox"},
                host=host,
                lease=lease,
                opts=own,
            )
            containers = {
                container.name: LabContainer(
                    container.name,
                    plan=container,
                    site=site,
                    image=images[container.image],
                    pause_image=pause.image_id,
                    opts=own,
                )
                for container in plan.containers
            }
        if plan.host.nat:
            Uplink(
                "uplink",
                site=dataclasses.replace(site, host=host_itself),
                sources=[network.subnet for network in plan.networks],
                network=uplink,
                host_ifname=host_ifname,
                opts=own,
            )
        self.devices = pulumi.Output.all(
            host={
                "kind": "host",
                "netns": namespace.netns,
                "addresses": [address for interface in plan.host.interfaces for address in interface.addresses],
            },
            **{router.name: (routers.get(router.name) or emulated[router.name]).device for router in plan.routers},
            **{name: container.device for name, container in containers.items()},
        )
        self.register_outputs({"devices": self.devices})

    def _links_of_emulated(self, plan: Plan, site: Site) -> None:
        """The bridges of links between an emulated router and another."""
        for link in plan.links:
            if link.bridge is not None:
                bridge = Bridge(
                    link.bridge,
                    namespace=site.namespace,
                    ifname=link.bridge,
                    host=site.host,
                    lease=site.lease,
                    opts=pulumi.ResourceOptions(parent=self),
                )
                site.bridges[link.bridge] = bridge.id

    def _router_images(self, plan: Plan, site: Site) -> dict[str, RouterImage]:
        """What emulated routers boot, each image once."""
        images: dict[str, RouterImage] = {}
        for router in plan.routers:
            image = router.dynamips.image if router.dynamips else None
            if image is None or image in images:
                continue
            name = re.sub(r"[^A-Za-z0-9]+", "-", PurePath(image).name).strip("-") or "image"
            # Two files of one name in different folders are two images.
            name = name if image == FREE or not images else f"{name}-{len(images)}"
            on_host = image.removeprefix(ON_HOST) if image.startswith(ON_HOST) else None
            images[image] = RouterImage(
                name,
                name=name,
                path=None if on_host else image,
                host_path=on_host,
                host=site.host,
                lease=site.lease,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return images


def _plugin_images(
    plan: Plan, host: pulumi.Output[Mapping[str, object]], machine: pulumi.Resource | None, parent: pulumi.Resource
) -> PluginImages | None:
    """The images that pulumi-docker makes; None where there are none. Raises pulumi.RunError where it is not installed."""
    try:
        from components.plugin_images import PluginImages, of_plugin
    except ModuleNotFoundError as error:
        if error.name != "pulumi_docker":
            raise
        raise pulumi.RunError(
            "lab:imagePlugin is true, but pulumi_docker is not installed: `pip install pulumi-docker`, or set it to false"
        ) from None
    plans = of_plugin(plan.images)
    if not plans:
        return None
    return PluginImages("images", plans=plans, host=host, machine=machine, opts=pulumi.ResourceOptions(parent=parent))


def _opened_by(
    key: KeyPair, host: pulumi.Output[Mapping[str, object]], lease: LabLease
) -> pulumi.Output[Mapping[str, object]]:
    """The host as the lease's key opens it, which it does once the lease is there."""

    def opened(values: list[object]) -> Mapping[str, object]:
        known, file, _ = values
        return {**cast("Mapping[str, object]", known), "private_key_file": file}

    return pulumi.Output.all(host, key.private_key_file, lease.id).apply(opened)


Interface = tuple[AttachmentPlan, VethPair]


def _ways_to(gateway: str, interfaces: Iterable[Interface]) -> list[Interface]:
    """Those on whose subnets the gateway is."""
    address = ipaddress.IPv4Address(gateway)
    return [
        interface
        for interface in interfaces
        if any(address in ipaddress.IPv4Interface(own).network for own in interface[0].addresses)
    ]


def _link_end(router: Router, end: LinkEnd) -> EndpointArgs:
    return {
        "namespace": router.namespace.id,
        "ifname": end.ifname,
        "mac": end.mac,
        "mtu": end.mtu,
        "owned": PORT_OWNED,
    }


def _bridged_end(site: Site, link: LinkPlan, end: LinkEnd) -> EndpointArgs:
    """The other end of the veth pair of `end`, in the link's bridge, beside the tap of the emulated router."""
    assert link.bridge is not None
    assert end.peer is not None
    return {"namespace": site.namespace, "ifname": end.peer, "master": site.bridges[link.bridge], "mtu": end.mtu}
