"""Broker and page beside the agent: one Pi and a phone on the same network are enough.

household.py              keys for the Pi, made here: the authority never leaves this computer
settings.py               the agent's configuration, with the broker on its own machine
delivery.py               the folder all-in-one/ of a delivery
command.py                the flags, and what is said of them
install.sh                runs on the Pi: everything to its place
picanary-monitor.socket   port 80, so that the monitor needs no right to open it
picanary-monitor.service  the monitor
picanary-broker.service   fetches mosquitto as soon as there is a network, and tries until it has it
announcement.xml          what avahi says of it by mDNS
"""
