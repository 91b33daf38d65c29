"""The web server's rooms: one file a kind of route, put together by `app.py`."""
