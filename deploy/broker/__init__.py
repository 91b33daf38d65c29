"""A mosquitto that lets each device only be itself: an authority, its certificates, and who may do what.

command.py      what stands on the command line
registrar.py    who is let in: add, renew, revoke
ledger.py       what the registrar knows, on disk
authority.py    keys, certificates and the list of those that no longer count
access_list.py  what each role may write and read
settings.py     mosquitto's configuration
place.py        the folder
"""
