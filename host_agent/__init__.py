"""What runs on the lab host: it makes, shows, changes and removes the objects of a lab, on request of the Pulumi program.

The provider side ships this package (see `dynamic_providers.connection`), starts one process of it per host and engine phase, and speaks
`frames` with it over SSH. A kind of object is one file in `kinds`. Nothing is installed on the host but Python >= 3.11.
"""
