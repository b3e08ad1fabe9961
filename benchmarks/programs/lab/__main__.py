"""A lab of `benchmarks.labs` as resources of the project: for labs that no topology file can say, such as rings of containers.

As components/lab.py has it: a lease, and inside a component all that goes with the lease.
"""

from __future__ import annotations

from pathlib import Path

import pulumi

import engine_watch
from benchmarks.labs import IMAGES, End, lab
from components import sdk
from dynamic_providers.bridge import Bridge
from dynamic_providers.container import Container
from dynamic_providers.hosts.lab_host import LabHost
from dynamic_providers.image import Image
from dynamic_providers.lab_lease import LabLease
from dynamic_providers.network_namespace import NetworkNamespace
from dynamic_providers.veth_pair import EndpointArgs, VethPair

# As components/program.py does.
engine_watch.start()
sdk.trim()
config = pulumi.Config("bench")
wanted = lab(config.require("lab"))
if Path(config.require("wanted")).read_text():
    wanted = wanted.with_edit()
host = LabHost(
    "host",
    address="127.0.0.1",
    port=config.require_int("port"),
    private_key_file=config.require("privateKeyFile"),
    host_key=config.require("hostKey"),
)
lease = LabLease("lease", project=pulumi.get_project(), stack=pulumi.get_stack(), user="benchmark", host=host.host)


class Contents(pulumi.ComponentResource):
    """What the lease owns."""

    def __init__(self) -> None:
        super().__init__("bench:lab:Contents", "contents", None, pulumi.ResourceOptions(deleted_with=lease))
        own = pulumi.ResourceOptions(parent=self)
        namespaces: dict[str, pulumi.Output[str]] = {}
        for namespace in wanted.namespaces:
            namespaces[namespace.name] = NetworkNamespace(
                namespace.name,
                name=namespace.name,
                forwarding=namespace.forwarding,
                default_ttl=namespace.default_ttl,
                host=host.host,
                lease=lease.lease,
                opts=own,
            ).id
        bridges = {
            bridge.ifname: Bridge(
                bridge.ifname,
                namespace=namespaces[bridge.namespace],
                ifname=bridge.ifname,
                mtu=bridge.mtu,
                host=host.host,
                lease=lease.lease,
                opts=own,
            ).id
            for bridge in wanted.bridges
        }
        if wanted.containers:
            busybox = {"/bin/busybox": "/bin/busybox"}
            pause = Image(
                "pause",
                name="pause",
                rootfs=f"{IMAGES / 'pause'}",
                host_files=busybox,
                host=host.host,
                lease=lease.lease,
                opts=own,
            )
            web = Image(
                "web",
                name="web",
                rootfs=f"{IMAGES / 'simpleweb'}",
                host_files=busybox,
                host=host.host,
                lease=lease.lease,
                opts=own,
            )
            for container in wanted.containers:
                namespaces[container.name] = Container(
                    container.name,
                    name=container.name,
                    image=web.image_id,
                    pause_image=pause.image_id,
                    command=list(container.command),
                    capabilities=list(container.capabilities),
                    host=host.host,
                    lease=lease.lease,
                    opts=own,
                ).id

        def endpoint(end: End) -> EndpointArgs:
            return {
                "namespace": namespaces[end.namespace],
                "ifname": end.ifname,
                "master": bridges[end.master] if end.master else "",
                "addresses": end.addresses,
                "mac": end.mac,
                "mtu": end.mtu,
                "default_via": end.default_via,
            }

        for pair in wanted.pairs:
            first, second = pair.ends
            VethPair(
                pair.name, endpoints=(endpoint(first), endpoint(second)), host=host.host, lease=lease.lease, opts=own
            )


Contents()
