"""Tells people what goes wrong, once, and when it is over.

`watch.py` says what is the case, `triage.py` what of that is worth a word now, `letter.py` puts it
into sentences, `outbox.py` keeps it until `courier.py` has brought it to a channel, and `desk.py`
holds all of it together.
"""
