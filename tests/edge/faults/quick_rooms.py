"""An agent in a simulated room that makes many readings a second and comes back to a lost broker quickly."""

from pathlib import Path


def quick_room(folder: Path, port: int, *, speed: float = 100.0, more: str = "") -> list[object]:
    """Its flags. `speed` 100 is ten readings a second, of no model; `more` are lines for `[broker]`.

    A fleet's members come back spread over half a minute; a test has only one, and no time.
    """
    config = folder / "edge.toml"
    config.write_text(f'[broker]\naddress = "127.0.0.1:{port}"\nspread_s = 0.0\n{more}\n')
    room = ["--source", "simulator", "--speed", speed, "--bundle", "none", "--commit-s", 0.2]
    return ["--config", config, *room]
