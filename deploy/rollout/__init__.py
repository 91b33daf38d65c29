"""A new model for many devices, over the air: a few at first, watched, and on or back by stated rules.

command.py    the command line, and the loop
plan.py       what was asked for
beginning.py  the bundle looked at, the devices found (discovery.py), the state of the last time read
cohort.py     which devices, and which of them first
course.py     the order of things: send, watch, look, go on; recall.py: back
member.py     one device: what it says of itself; progress.py: what that means
watching.py   alarms and device time, of those with the new model and those without
rules.py      when it stops: the statistics, with their sources; looking.py: asked and told
state.py      all of it on disk, so that a rollout that was cut off goes on
desk.py       what these parts share
air.py        MQTT: what devices say, and what is said to them
lines.py      what happens, for files and programs; table.py: the picture in the terminal
ending.py     the exit status, and the last word
"""
