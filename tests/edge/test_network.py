"""What the runtime prints while a model opens: never a reason to do without the model."""

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# One process each: its standard error is a file descriptor, and so is the interpreter's.
BEGINNING = """
import os, resource, subprocess, sys
from edge.bundle.bundle import unpack
from edge.bundle.default import default_content
from edge.detection import network
bundle = unpack(default_content(), "default")
runtime = network.import_runtime().Interpreter
allocate = runtime.allocate_tensors
def saying(self):
    os.write(2, b"WARNING: an old operator\\n")
    return allocate(self)
runtime.allocate_tensors = saying
"""
OPEN = "before = os.listdir('/proc/self/fd'); bundle.network(); print(os.listdir('/proc/self/fd') == before)"


def ran(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_of_what_the_runtime_says_only_the_line_about_its_kernels_is_held_back() -> None:
    done = ran(OPEN)
    assert (done.stdout, done.stderr) == ("True\n", "WARNING: an old operator\n")


def test_a_model_opens_though_standard_error_cannot_be_written() -> None:
    full = "os.dup2(os.open('/dev/full', os.O_WRONLY), 2);"
    assert ran(full + OPEN).stdout == "True\n"


def test_a_model_opens_without_a_descriptor_to_spare() -> None:
    for spare in range(3):
        limit = f"resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')) - 1 + {spare},"
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        done = ran(f"{limit} {hard}))\nwith network._unprinted(): print('open')")
        assert done.stdout == "open\n", done.stderr


def test_a_child_that_is_started_meanwhile_does_not_hold_it_up() -> None:
    started = """
def starting(self):
    global child
    child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
    return allocate(self)
runtime.allocate_tensors = starting
bundle.network()
print(child.poll())
child.kill()
"""
    assert ran(started).stdout == "None\n"


def test_what_it_says_before_it_aborts_is_heard_from_the_child_that_proves_a_model() -> None:
    aborting = """
import io
from edge.bundle import proof
sys.stdin = io.TextIOWrapper(io.BytesIO(default_content()))
runtime.allocate_tensors = lambda _: (os.write(2, b"what(): std::bad_alloc"), os.abort())
proof.main(["it", "10"])
"""
    done = ran(aborting)
    assert done.returncode < 0 and "bad_alloc" in done.stderr
