"""One MQTT connection that comes back by itself and hides nothing; agent and monitor stand on it.

Read `connection.py` first: the rest are its parts.
"""
