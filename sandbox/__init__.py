"""A throw-away lab host on this machine: its own root file system, sshd and dockerd, reached over SSH on 127.0.0.1.

`python3 -m sandbox base` builds the Debian (or Ubuntu) root that all sandboxes share read-only; `start`, `stop`,
`destroy` and `status` handle one sandbox. From Python: `sandbox.base.ensure` and `sandbox.control`. Standard library only.

What a sandbox keeps apart: files (a copy-on-write root on the shared base; of this machine's file system it sees only its own
/var/lib/docker), network (interfaces, addresses, routes, nftables: it has `lo` alone and no way out), processes, host name,
System V IPC and cgroups.

What it does not keep apart: root in a sandbox is root of the same kernel, without a user namespace. It cannot load modules,
set the clock, reboot, read the kernel log, or write sysctls and sysfs attributes outside networking as they are mounted; but it
holds CAP_SYS_ADMIN and CAP_MKNOD, which dockerd needs, and with those a determined root can mount and reach what it likes, this
machine's disks too. Its memory and CPU are not limited. A sandbox protects from accidents and from left-overs, not from an
attacker: for candidates whom you do not trust use a host of their own (a virtual machine).
"""
