"""`python -m edge doctor`: what works here and what does not, one file a subject.

Read `command.py` first. A subject looks, changes nothing, and answers with findings.
"""
