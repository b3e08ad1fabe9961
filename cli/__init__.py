"""The `lab` command: check, look at and enter a lab that Pulumi has built, over its one SSH connection.

It reads the stack's outputs and talks to the lab host's agent; it makes and changes nothing there.
"""
