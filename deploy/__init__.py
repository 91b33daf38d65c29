"""Bundles and code to Pis."""
