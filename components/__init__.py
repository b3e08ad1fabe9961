"""What a lab is made of: the topology and the Pulumi components built from it."""
