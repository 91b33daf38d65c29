"""Models to bundles: one checked file that the Pi can load."""
