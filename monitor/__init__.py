"""The web page: what every room does now, and what was strange."""
