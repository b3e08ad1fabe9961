"""Lab hosts themselves: one made on this machine (`sandbox_host`), and any that is reached by SSH (`lab_host`)."""
