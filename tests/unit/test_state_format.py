"""What is in the state of every stack there is: it must stay readable, whatever is moved or renamed.

A test that fails here means that `pulumi destroy` of existing stacks fails: leave a shim under the old name, and add the new form beside the old.
"""

from __future__ import annotations

import base64

import dill
import pytest
from pulumi.dynamic import ResourceProvider, dynamic
from pulumi.dynamic.dynamic import serialize_provider

from dynamic_providers import (
    base,
    bridge,
    container,
    dynamips_hypervisor,
    dynamips_router,
    forwarding,
    frr_router,
    image,
    key_pair,
    lab_lease,
    masquerade,
    network_namespace,
    router_image,
    tap,
    veth_pair,
)
from dynamic_providers import route as route_module
from dynamic_providers.hosts import host_seed, lab_host, sandbox_host

PROVIDERS = {
    "lease": "gASVQQAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMBWxlYXNllHNiLg==",
    "network_namespace": (
        "gASVTQAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMEW5ldHdvcmtf"
        "bmFtZXNwYWNllHNiLg=="
    ),
    "bridge": "gASVQgAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMBmJyaWRnZZRzYi4=",
    "veth_pair": (
        "gASVRQAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMCXZldGhfcGFpcpRzYi4="
    ),
    "route": "gASVQQAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMBXJvdXRllHNiLg==",
    "masquerade": (
        "gASVRgAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMCm1hc3F1ZXJhZGWUc2Iu"
    ),
    "forwarding": (
        "gASVRgAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMCmZvcndhcmRpbmeUc2Iu"
    ),
    "container": (
        "gASVRQAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMCWNvbnRhaW5lcpRzYi4="
    ),
    "frr_router": (
        "gASVRgAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMCmZycl9yb3V0ZXKUc2Iu"
    ),
    "tap": "gASVPwAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSMA3RhcJRzYi4=",
    "dynamips_hypervisor": (
        "gASVTwAAAAAAAACMFmR5bmFtaWNfcHJvdmlkZXJzLmJhc2WUjAxIb3N0UHJvdmlkZXKUk5QpgZR9lIwEa2luZJSME2R5bmFtaXBzX2h5"
        "cGVydmlzb3KUc2Iu"
    ),
}
OWN_PROVIDERS: dict[type[ResourceProvider], str] = {
    dynamips_router.DynamipsRouterProvider: (
        "gASVYAAAAAAAAACMIWR5bmFtaWNfcHJvdmlkZXJzLmR5bmFtaXBzX3JvdXRlcpSMFkR5bmFtaXBzUm91dGVyUHJvdmlkZXKUk5QpgZR9"
        "lIwEa2luZJSMD2R5bmFtaXBzX3JvdXRlcpRzYi4="
    ),
    router_image.RouterImageProvider: (
        "gASVVwAAAAAAAACMHmR5bmFtaWNfcHJvdmlkZXJzLnJvdXRlcl9pbWFnZZSME1JvdXRlckltYWdlUHJvdmlkZXKUk5QpgZR9lIwEa2lu"
        "ZJSMDHJvdXRlcl9pbWFnZZRzYi4="
    ),
    image.ImageProvider: (
        "gASVQwAAAAAAAACMF2R5bmFtaWNfcHJvdmlkZXJzLmltYWdllIwNSW1hZ2VQcm92aWRlcpSTlCmBlH2UjARraW5klIwFaW1hZ2WUc2Iu"
    ),
    key_pair.KeyPairProvider: (
        "gASVNQAAAAAAAACMGmR5bmFtaWNfcHJvdmlkZXJzLmtleV9wYWlylIwPS2V5UGFpclByb3ZpZGVylJOUKYGULg=="
    ),
    lab_host.LabHostProvider: (
        "gASVOwAAAAAAAACMIGR5bmFtaWNfcHJvdmlkZXJzLmhvc3RzLmxhYl9ob3N0lIwPTGFiSG9zdFByb3ZpZGVylJOUKYGULg=="
    ),
    host_seed.HostSeedProvider: (
        "gASVPQAAAAAAAACMIWR5bmFtaWNfcHJvdmlkZXJzLmhvc3RzLmhvc3Rfc2VlZJSMEEhvc3RTZWVkUHJvdmlkZXKUk5QpgZQu"
    ),
    sandbox_host.SandboxHostProvider: (
        "gASVQwAAAAAAAACMJGR5bmFtaWNfcHJvdmlkZXJzLmhvc3RzLnNhbmRib3hfaG9zdJSME1NhbmRib3hIb3N0UHJvdmlkZXKUk5QpgZQu"
    ),
}
TYPES = {
    bridge.Bridge: "dynamic/lab:Bridge",
    container.Container: "dynamic/lab:Container",
    dynamips_hypervisor.DynamipsHypervisor: "dynamic/lab:DynamipsHypervisor",
    dynamips_router.DynamipsRouter: "dynamic/lab:DynamipsRouter",
    forwarding.Forwarding: "dynamic/lab:Forwarding",
    frr_router.FrrRouter: "dynamic/lab:FrrRouter",
    host_seed.HostSeed: "dynamic/lab:HostSeed",
    image.Image: "dynamic/lab:Image",
    key_pair.KeyPair: "dynamic/lab:KeyPair",
    lab_host.LabHost: "dynamic/lab:LabHost",
    lab_lease.LabLease: "dynamic/lab:LabLease",
    masquerade.Masquerade: "dynamic/lab:Masquerade",
    network_namespace.NetworkNamespace: "dynamic/lab:NetworkNamespace",
    route_module.Route: "dynamic/lab:Route",
    router_image.RouterImage: "dynamic/lab:RouterImage",
    sandbox_host.SandboxHost: "dynamic/lab:SandboxHost",
    tap.Tap: "dynamic/lab:Tap",
    veth_pair.VethPair: "dynamic/lab:VethPair",
}


@pytest.mark.parametrize("kind", PROVIDERS)
def test_old_states_find_their_provider(kind: str) -> None:
    provider = dill.loads(base64.b64decode(PROVIDERS[kind]))
    assert type(provider) is base.HostProvider
    assert provider.kind == kind


@pytest.mark.parametrize("kind", PROVIDERS)
def test_new_states_are_the_same(kind: str) -> None:
    assert serialize_provider(base.HostProvider(kind)) == PROVIDERS[kind]


@pytest.mark.parametrize("provider", OWN_PROVIDERS)
def test_those_with_a_provider_of_their_own(provider: type[ResourceProvider]) -> None:
    assert type(dill.loads(base64.b64decode(OWN_PROVIDERS[provider]))) is provider
    assert serialize_provider(provider()) == OWN_PROVIDERS[provider]


def test_providers_are_pickled_once_per_kind() -> None:
    # A thousand links: the SDK's own way ends in a RecursionError.
    for _ in range(1200):
        assert dynamic.serialize_provider(base.HostProvider("veth_pair")) == PROVIDERS["veth_pair"]


@pytest.mark.parametrize("resource", TYPES)
def test_type_tokens(resource: type) -> None:
    assert resource._resource_type_name == TYPES[resource]  # type: ignore[attr-defined]
