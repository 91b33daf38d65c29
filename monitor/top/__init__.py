"""The fleet in a terminal: the same rooms, words and order as on the page."""
