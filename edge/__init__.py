"""The agent on the Pi: reads the sensor, judges the room, tells the broker."""

__version__ = "0.1.0"
