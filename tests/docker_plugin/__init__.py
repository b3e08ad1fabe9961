"""A test double of the plugin of pulumi-docker: the provider and RemoteImage, by `docker` on the host to which the provider's SSH settings lead."""
