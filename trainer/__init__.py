"""Histories to models, on a workstation."""
