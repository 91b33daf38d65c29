"""Disks that refuse: a small one, and system calls that fail as those of a broken one do."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kilobytes: int = 2048) -> Iterator[Path]:
    """A file system in memory. Skips the test, with a sentence, where it may not be mounted."""
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def remount(folder: Path, how: str) -> None:
    """`ro` or `rw`."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write a file until there is no room left."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return filler


_FAILING = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int refused(void) {
    const char *sign = getenv("DISK_SIGN");
    if (!sign || access(sign, F_OK)) return 0;
    errno = EROFS;
    return 1;
}
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    return refused() ? -1 : NEXT(pwrite64)(fd, from, size, at);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    return refused() ? -1 : NEXT(pwrite)(fd, from, size, at);
}
int ftruncate64(int fd, off64_t size) { return refused() ? -1 : NEXT(ftruncate64)(fd, size); }
int fsync(int fd) { return refused() ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return refused() ? -1 : NEXT(fdatasync)(fd); }
"""


def turning_readonly(folder: Path, sign: Path) -> dict[str, str]:
    """Environment of a process whose file system is read-only as long as the file `sign` is there.

    A mounted file system with open files cannot be made read-only from outside; the kernel does so
    itself when the card fails. Skips the test, with a sentence, without a C compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("a file system that turns read-only needs a C compiler")
    source, library = folder / "failing.c", folder / "failing.so"
    source.write_text(_FAILING)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "DISK_SIGN": str(sign)}
