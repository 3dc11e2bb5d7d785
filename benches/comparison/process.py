"""Processes under measurement: where they run, what they cost, what memory they have."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """Something that makes a measurement impossible: a sentence for whoever reads the result."""


class Process:
    """A program on CPUs of its own, from when it listens until the end of a `with`. `cpus`: as taskset takes them."""

    def __init__(self, command: list, cpus, port: int):
        self.command, self.cpus, self.port = [str(word) for word in command], str(cpus), port

    def __enter__(self):
        self.running = subprocess.Popen(["taskset", "-c", self.cpus, *self.command], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, start_new_session=True)
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_it_listens(self):
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            if self.running.poll() is not None:
                said = self.running.stderr.read().decode(errors="replace").strip()
                raise Failed(f"{self.command[0]} did not start: {said[:500]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise Failed(f"{self.command[0]} does not listen on port {self.port}")

    def __exit__(self, *_):
        try:
            self.running.terminate()
            self.running.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()
        self.running.stderr.close()

    def family(self) -> list:
        """The process and all that descend from it."""
        found = [self.running.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in read(children).split()]
        return found

    def cpu_seconds(self) -> float:
        """What all of them have used, in user space and in the kernel."""
        used = 0
        for pid in self.family():
            # Behind the name, which may have anything in it, utime and stime are the 12th and 13th.
            fields = read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
            used += sum(map(int, fields[11:13]))
        return used / TICKS

    def memory_mib(self) -> float:
        """The memory of all of them; what they share counts once."""
        kib = 0
        for pid in self.family():
            rollup = read(Path(f"/proc/{pid}/smaps_rollup"))
            kib += sum(map(int, re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)))
        return kib / 1024


def read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""  # It has ended meanwhile.
