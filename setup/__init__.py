"""Set-up: Debian packages, the virtual environment, the Pulumi engine and the sandbox hosts' root file system.

Everything here runs on the system's own Python (3.11 or later), before any package is installed: standard library only.
"""
