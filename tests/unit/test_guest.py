"""What a lease's key may ask the agent for. That it gets no further is tests/lifecycle/test_guest.py's."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_agent import guest
from host_agent.guest import check
from host_agent.ledger import Ledger, write_json

OWN, OTHER = "a1b2c3d4", "deadbeef"
NAMESPACE = f"{OWN}/network_namespace/host#000001"


def test_what_is_the_leases_own_is_allowed() -> None:
    bridge = {"namespace": NAMESPACE, "ifname": "VMnet2"}
    for method in ("add", "show", "set", "remove"):
        check(OWN, method, {"kind": "bridge", "lease": OWN, "args": bridge, "olds": bridge})
    check(OWN, "ledger", {"lease": OWN})
    check(OWN, "put_blob", {"lease": OWN, "sha256": "0" * 64})
    check(OWN, "probe", {"kind": "ping", "netns": f"{OWN}-web", "address": "10.1.1.2"})
    image = {"name": "web", "rootfs_sha256": "0" * 64, "host_files": {"/bin/busybox": "/bin/sh", "/x": "/not/there"}}
    check(OWN, "add", {"kind": "image", "lease": OWN, "args": image})


@pytest.mark.parametrize("method", ["leases", "restore", "services", "host", "bootstrap", "anything"])
def test_what_is_the_hosts_is_not(method: str) -> None:
    with pytest.raises(guest.Refused, match=f"the key of lease {OWN} opens that lease alone"):
        check(OWN, method, {"lease": OWN})


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("ledger", {"lease": OTHER}),
        ("ledger", {}),
        ("put_blob", {"lease": OTHER}),
        ("remove", {"kind": "bridge", "lease": OTHER, "args": {}}),
        ("probe", {"kind": "ping", "netns": f"{OTHER}-web"}),
        ("probe", {"kind": "ping", "netns": "", "lease": OWN}),
        ("probe", {"kind": "ping", "lease": OWN}),
        ("probe", {"kind": "ping", "netns": f"{OWN}-/../{OTHER}-web"}),
    ],
)
def test_what_is_another_leases_is_not(method: str, parameters: dict[str, object]) -> None:
    with pytest.raises(guest.Refused):
        check(OWN, method, parameters)


@pytest.mark.parametrize(
    ("kind", "args", "said"),
    [
        ("lease", {}, "a lease is not for the key of a lease"),
        ("forwarding", {"network": "100.64.0.0/30"}, "a forwarding is not for the key of a lease"),
        ("bridge", {"namespace": ""}, "own namespace"),
        ("veth_pair", {"endpoints": [{"namespace": NAMESPACE}, {"namespace": ""}]}, "own namespace"),
        ("veth_pair", {"endpoints": [{"namespace": f"{OTHER}/container/web#000001"}]}, f"belongs to '{OTHER}'"),
        ("veth_pair", {"endpoints": [{"namespace": f"{OTHER}/NONE/web"}]}, f"belongs to '{OTHER}'"),
        ("bridge", {"namespace": "../etc"}, "belongs to '..'"),
        ("dynamips_router", {"nios": [{"tap": f"{OTHER}/tap/x#000001"}]}, f"belongs to '{OTHER}'"),
        ("dynamips_router", {"hypervisor": f"{OTHER}/dynamips_hypervisor/x#000001"}, f"belongs to '{OTHER}'"),
        ("container", {"image": f"exam-lab-{OTHER}/web:latest"}, "of another lab"),
        ("container", {"pause_image": f"exam-lab-{OTHER}/pause"}, "of another lab"),
        ("image", {"reference": f"exam-lab-{OTHER}/web"}, "of another lab"),
        ("route", {"namespace": NAMESPACE, "links": [f"{OTHER}/veth_pair/x#000001"]}, f"belongs to '{OTHER}'"),
        ("container", {"mounts": [{"source": "/", "target": "/host"}]}, "folders of the lab host"),
        ("container", {"capabilities": ["NET_RAW", "cap_sys_admin"]}, "capabilities SYS_ADMIN"),
        ("image", {"host_files": {"/shadow": "/etc/shadow"}}, "/etc/shadow of the lab host, which not everybody"),
        ("router_image", {"host_path": "/etc/shadow"}, "/etc/shadow of the lab host, which not everybody"),
    ],
)
def test_what_leads_out_of_the_lab_is_not(kind: str, args: dict[str, object], said: str) -> None:
    parameters: dict[str, object] = {"kind": kind, "lease": OWN, "args": args}
    for method in ("add", "set"):
        with pytest.raises(guest.Refused, match=said):
            check(OWN, method, parameters)


def test_what_somebody_else_made_of_it_is_seen_and_put_right() -> None:
    observed = {"mounts": [{"source": "/", "target": "/host"}], "capabilities": ["SYS_ADMIN"]}
    check(OWN, "show", {"kind": "container", "lease": OWN, "args": observed})
    check(OWN, "set", {"kind": "container", "lease": OWN, "args": {}, "olds": observed})
    moved = {"endpoints": [{"namespace": NAMESPACE, "master": "br0"}, {"namespace": NAMESPACE}]}
    check(OWN, "set", {"kind": "veth_pair", "lease": OWN, "args": moved, "olds": moved})
    elsewhere = {"endpoints": [{"namespace": f"{OTHER}/container/web#000001"}, {"namespace": NAMESPACE}]}
    with pytest.raises(guest.Refused):
        check(OWN, "set", {"kind": "veth_pair", "lease": OWN, "args": moved, "olds": elsewhere})


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    link = tmp_path / "busybox"
    link.symlink_to("/etc/shadow")
    with pytest.raises(guest.Refused, match="not everybody"):
        check(OWN, "add", {"kind": "image", "lease": OWN, "args": {"host_files": {"/bin/busybox": str(link)}}})


def test_agents_that_keys_name_are_kept(tmp_path: Path) -> None:
    class Here:
        root = tmp_path
        ledger = Ledger(tmp_path)

    keys = tmp_path / "authorized_keys"
    keys.write_text(f'restrict,pty,command="python3 -I {tmp_path}/agent/0123456789ab/run.py guest {OWN} …" key\n')
    folder = tmp_path / "leases" / OWN
    folder.mkdir(parents=True)
    write_json(folder / guest.KEY_FILE, {"file": str(keys)})
    assert guest.versions(Here()) == {"0123456789ab"}  # type: ignore[arg-type]
