"""Many rooms before the first one: what a network can know of rooms and faults in general."""
