"""Guest to evidence: one file per source. ``COLLECTORS`` is the registry, in the order in which they start."""
