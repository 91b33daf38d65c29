"""Detectors on labelled series, side by side: is the network worth it?"""
