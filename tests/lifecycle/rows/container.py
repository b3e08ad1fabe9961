"""A container."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row
from tests.lifecycle.rows import image


def needs(lab: Lab) -> Needs:
    return {"image": image.add(lab), "other image": image.add(lab, "other")}


def args(needs: Needs, **changes: object) -> Properties:
    return {
        "name": "web",
        "image": needs["image"],
        "pause_image": needs["image"],
        "command": ["/bin/busybox", "httpd", "-f", "-h", "/www"],
        "env": {"LANGUAGE": "en"},
        "capabilities": ["NET_RAW"],
        "memory_mib": 64,
        "cpus": 0.5,
        **changes,
    }


def docker_name(lab: Lab, suffix: str = "") -> str:
    return f"exam-lab-{lab.lease}-web{suffix}"


def seen(lab: Lab, _needs: Needs) -> str:
    names = [docker_name(lab), docker_name(lab, "-pause")]
    ids = [lab.look("docker", "container", "inspect", "--format", "{{.Id}}", name) for name in names]
    return "".join(ids) + lab.look("ls", f"/run/netns/{lab.netns('web')}")


def docker(*argv: str, of: str = "", shows: tuple[str, ...]) -> Drift:
    return Drift(lambda lab, needs: lab.run("docker", *argv, docker_name(lab, of)), shows)


def look_alike(lab: Lab, needs: Needs) -> None:
    # Its image's labels, and so the container's, have the lease.
    lab.run(
        "docker",
        "run",
        "--detach",
        "--network=none",
        "--name",
        docker_name(lab),
        needs["image"],
        "/bin/busybox",
        "sleep",
        "1000",
    )


ROW = Row(
    kind="container",
    needs=needs,
    args=args,
    seen=seen,
    look_alike=look_alike,
    clear_look_alike=lambda lab, needs: lab.run("docker", "rm", "--force", docker_name(lab)),
    edits={
        "image": lambda needs: args(needs, image=needs["other image"]),
        "pause image": lambda needs: args(needs, pause_image=needs["other image"]),
        "command": lambda needs: args(needs, command=["/bin/busybox", "sleep", "1000"]),
        "environment": lambda needs: args(needs, env={"LANGUAGE": "de", "OTHER": "a=b"}),
        "no environment": lambda needs: args(needs, env={}),
        "mounts": lambda needs: args(
            needs,
            mounts=[{"source": "/etc", "target": "/mnt/etc"}, {"source": "/srv", "target": "/srv", "read_only": False}],
        ),
        "capabilities": lambda needs: args(needs, capabilities=["cap_net_admin", "NET_RAW"]),
        "memory": lambda needs: args(needs, memory_mib=32),
        "no limits": lambda needs: args(needs, memory_mib=None, cpus=None),
        "processor time": lambda needs: args(needs, cpus=1.25),
        "restart policy": lambda needs: args(needs, restart="always"),
        "new privileges": lambda needs: args(needs, new_privileges=True),
        "stopped": lambda needs: args(needs, running=False),
    },
    replacing={"name": lambda needs: args(needs, name="other")},
    drifts={
        "killed": docker("kill", shows=("running",)),
        "paused": docker("pause", shows=("running",)),
        "removed": docker("rm", "--force", shows=("running",)),
        "another memory limit": docker("update", "--memory=48m", "--memory-swap=48m", shows=("memory_mib",)),
        "another restart policy": docker("update", "--restart=always", shows=("restart",)),
        "its pause container stopped": docker("stop", of="-pause", shows=()),
        "its pause container restarted": docker("restart", of="-pause", shows=()),
        "all removed": Drift(
            lambda lab, needs: lab.run("docker", "rm", "--force", docker_name(lab), docker_name(lab, "-pause")), ()
        ),
    },
)
