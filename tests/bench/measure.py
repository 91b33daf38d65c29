"""`make bench`: what picanary costs, measured on this machine, as the table of docs/bench.md."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from edge.bundle.bundle import load
from edge.csvfile import write_csv
from edge.journal import Journal
from edge.sources.simulator import simulate

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/bench.md"
Row = tuple[str, str, str]  # what, figure, how


def python(*words: object) -> None:
    """One of our commands, quietly."""
    subprocess.run([sys.executable, "-m", *map(str, words)], cwd=ROOT, check=True, capture_output=True)


def wall_s(action: Callable[[], object]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def training(folder: Path) -> Iterator[Row]:
    """From nothing to a bundle."""
    run, bundle = folder / "run", folder / "room.canary"
    seconds = wall_s(lambda: python("trainer", "--out", run))
    yield "train, evaluate, report", f"{seconds:.0f} s", "28 + 14 simulated days at 10 s, two channels"
    seconds = wall_s(lambda: python("convert", run, "--out", bundle))
    yield "convert", f"{seconds:.0f} s", "export, compare, calibrate, trial"
    yield (
        "bundle",
        f"{bundle.stat().st_size / 1024:.0f} KiB",
        f"model {len(load(bundle).model) / 1024:.0f} KiB",
    )
    times = [wall_s(lambda: load(bundle).open_detector()) for _ in range(20)]
    yield (
        "load a bundle",
        f"{1000 * median(times):.1f} ms",
        "hashes, manifest, interpreter; without the trial",
    )


def comparing(folder: Path) -> list[str]:
    """The export formats of that run side by side: the lines of a table and the choice."""
    command = [sys.executable, "-m", "convert", str(folder / "run"), "--compare", "--json"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    said = json.loads(done.stdout)
    runtimes = [each["runtime"] for each in said["formats"][0]["runtimes"]]
    titles = [
        "format",
        "bytes",
        "load ms",
        "window µs",
        "99 %",
        "from Keras",
        "same flags",
        "alarms",
        *runtimes,
    ]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    lines += [f"| {' | '.join(format_cells(row))} |" for row in said["formats"]]
    judged = f"{said['formats'][0]['readings_judged']:,}"
    return [
        *lines,
        "",
        f"Flags and alarms on the last {judged} readings of the training history at 100 alarms a week, "
        f"beside those of the Keras model. The choice: {said['choice']}: {said['why']}.",
    ]


def format_cells(row: dict[str, Any]) -> list[str]:
    """One format of `python -m convert --compare --json`."""
    loads = [
        f"{'loads' if each['loads'] else each['refused']} ({'tried' if each['tried'] else 'read'})"
        for each in row["runtimes"]
    ]
    return [
        row["format"],
        f"{row['bytes']:,}",
        f"{row['load_ms']:.2f}",
        f"{row['window_us']['median']:.0f}",
        f"{row['window_us']['p99']:.0f}",
        f"{row['largest_difference']:.2g}",
        f"{row['same_flags']:.3%}",
        f"{row['alarms']} to {row['alarms_of_keras']}",
        *loads,
    ]


def judging(folder: Path) -> Iterator[Row]:
    """What a verdict costs."""
    recording = simulate(86_400.0, 10.0, seed=1)
    readings = [recording.reading(row) for row in range(len(recording))]
    detector = load(folder / "room.canary").open_detector()
    start = time.process_time()
    for reading in readings:
        detector.see(reading)
    each = (time.process_time() - start) / len(readings)
    yield "one verdict", f"{1e6 * each:.0f} µs CPU", "gate, window, network, signals; one by one"
    series = folder / "day.csv"
    write_csv(recording, series)
    flags = ("--bundle", folder / "room.canary", "--out", folder / "out.csv")
    seconds = wall_s(lambda: python("edge", "replay", series, *flags))
    yield "edge replay of a day", f"{seconds:.1f} s", f"{len(recording)} readings, start and trial included"


def keeping(folder: Path) -> Iterator[Row]:
    """What a record costs."""
    journal = Journal(folder / "bench.db")
    body = b"x" * 600
    start = time.process_time()
    for _ in range(20_000):
        journal.append(body)
    each = (time.process_time() - start) / 20_000
    journal.close()
    yield "one record in the journal", f"{1e6 * each:.0f} µs CPU", "600 bytes, ten a commit, full fsync"


def running(folder: Path) -> Iterator[Row]:
    """The agent as a process."""
    journal = folder / "agent.db"
    flags = ["--source", "simulator", "--bundle", str(folder / "room.canary"), "--speed", "10"]
    command = [sys.executable, "-m", "edge", *flags, "--commit-s", "0.01", "--journal", str(journal)]
    start = time.perf_counter()
    with started(command) as agent:
        while agent.poll() is None and not has_record(journal):
            time.sleep(0.005)
        first = time.perf_counter() - start
        time.sleep(20.0)
        status = Path(f"/proc/{agent.pid}/status").read_text()
        ticks = sum(map(int, Path(f"/proc/{agent.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    yield "start to first record", f"{first:.1f} s", "process start, trial of the bundle, simulator, journal"
    yield "resident memory", f"{resident / 1024:.0f} MiB", "20 s after the first record, no broker"
    yield (
        "CPU in its first 20 s",
        f"{ticks / os.sysconf('SC_CLK_TCK'):.1f} s",
        "start included, a reading a second",
    )


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def has_record(journal: Path) -> bool:
    """Whether something beyond an empty database has been written."""
    log = journal.with_name(journal.name + "-wal")
    return log.exists() and b'"seq":1,' in log.read_bytes()


def machine() -> str:
    """This machine, in a line."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> int:
    """Measure, print and write the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row for part in (training, judging, keeping, running) for row in part(folder)]
        formats = "\n".join(comparing(folder))
    lines = [f"| {what} | {figure} | {how} |" for what, figure, how in rows]
    table = "\n".join(["| what | | how |", "|---|---|---|", *lines])
    print(f"{table}\n\n{formats}")
    TABLE.write_text(
        "# What it costs\n\n"
        f"`make bench` on {machine()}. No Pi: nothing here was taken on real hardware.\n\n"
        f"{table}\n\n"
        "## Export formats\n\n"
        "`python -m convert RUN --compare` on the run above.\n\n"
        f"{formats}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
