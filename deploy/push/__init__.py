"""A release to running Pis, over the system's ssh.

command.py       the flags of `push` and `status`, and what becomes of them
order.py         what to push, and how, checked before any host is spoken to
standing.py      how a host stands: its releases, its service, what lies there from last time
store.py         wheels for a Pi, kept on this computer for the next of its kind
delivery.py      what is sent: files by name, and the name of the release that they make
installation.py  sends a delivery, and runs deploy/installer/install.sh there, verb by verb
one_host.py      the steps, in order, each safe to be the last
several.py       hosts side by side: one host's failure does not stop the others
progress.py      a line for each host on a terminal, a line for each step elsewhere
status.py        what runs where
"""

from deploy.push.one_host import push
from deploy.push.order import Order

__all__ = ["Order", "push"]
