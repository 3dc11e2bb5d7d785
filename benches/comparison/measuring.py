"""The measurements: servers take turns, each workload by workload, so that a machine that drifts drifts for both."""

import http.client
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from . import site
from .process import Failed, Process

HERE = Path(__file__).resolve().parent
WARM_UP = 1  # seconds
NEEDED = {
    "wrk": "makes the load (Debian: apt-get install wrk)",
    "openssl": "makes a certificate (Debian: apt-get install openssl)",
    "taskset": "keeps server and load on CPUs of their own (Debian: apt-get install util-linux)",
    "cc": "builds the floor and the steady load, programs in C (Debian: apt-get install gcc libc6-dev)",
}


def check_tools(servers: dict) -> None:
    """Ends the program with what is missing, all of it at once."""
    missing = [f"{tool} is missing: it {why}" for tool, why in NEEDED.items() if not shutil.which(tool)]
    for name, program in servers.items():
        if not shutil.which(program):
            how = {"goodgate": "run `cargo build --release` first, or say where it is with --goodgate",
                   "nginx": "install it (Debian: apt-get install nginx-light), or say where it is with --nginx"}
            missing.append(f"{program} is missing: {how[name]}")
    if not sys.platform.startswith("linux"):
        missing.append("this needs Linux: what programs cost is read from /proc")
    elif len(os.sched_getaffinity(0)) < 2:
        missing.append("two CPUs are needed, one for the server and one for the load")
    if missing:
        sys.exit("\n".join(f"compare: {what}" for what in missing))


class Comparison:
    def __init__(self, servers: dict, workloads: list, rounds: int, seconds: int):
        self.servers, self.workloads, self.rounds, self.seconds = servers, workloads, rounds, seconds
        self.server_cpu, self.load_cpu = sorted(os.sched_getaffinity(0))[:2]
        self.raw, self.problems = {}, []

    def run(self) -> dict:
        files = raise_file_limit()
        with ExitStack() as stack:
            base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-")))
            os.chmod(base, 0o755)
            self.ports = free_ports("plain", "tls", "app", "large", "fresh")
            self.floor = base / "floor"
            for program in ("floor", "steady"):
                subprocess.run(["cc", "-O2", "-o", base / program, HERE / f"{program}.c"], check=True)
            for workload in {w.place: w for w in self.workloads}.values():
                site.make(base / workload.place, self.ports, files, workload)
            self.base = base
            for upstream, size, *closes in (("app", 1024), ("large", 100 * 1024), ("fresh", 1024, "close")):
                command = [self.floor, self.ports[upstream], size, *closes]
                stack.enter_context(Process(command, self.load_cpu, self.ports[upstream]))
            for number in range(self.rounds):
                self.round(number)
        return dict(about=self.about(), median=medians(self.raw), raw=self.raw, problems=self.problems)

    def round(self, number: int):
        print(f"round {number + 1} of {self.rounds}", file=sys.stderr)
        # Who comes first takes turns, too.
        order = list(self.servers.items())[:: 1 if number % 2 == 0 else -1]
        for workload in self.workloads:
            for name, program in order:
                self.attempt(workload, name, lambda: self.measure(workload, program))
        if any(w.kind == "load" for w in self.workloads):
            fixed = site.Workload("floor", "", "/")
            self.attempt(fixed, "floor", lambda: self.load(self.floor_process(), fixed))

    def attempt(self, workload, name: str, measure):
        try:
            figures = measure()
        except (Failed, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
            problem = f"{workload.name}, {name}: {error}"
            if problem not in self.problems:
                self.problems.append(problem)
                print(f"compare: {problem}", file=sys.stderr)
            return
        kept = self.raw.setdefault(workload.name, {}).setdefault(name, {})
        for key, value in figures.items():
            kept.setdefault(key, []).append(value)
        shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        print(f"  {workload.name:<16} {name:<9} {shown}", file=sys.stderr)

    def measure(self, workload, program: str) -> dict:
        prefix = self.base / workload.place
        command = [program, "-p", f"{prefix}/", "-c", "conf/nginx.conf", "-e", "logs/error.log"]
        if workload.kind == "check":
            return dict(cpu_s=min(check(command) for _ in range(3)))
        for log in ("access.log", "error.log"):
            (prefix / "logs" / log).unlink(missing_ok=True)
        server = Process(command, self.cpus(workload), self.ports["plain"])
        measure = dict(load=self.load, idle=self.idle, steady=self.steady)[workload.kind]
        return measure(server, workload)

    def cpus(self, workload) -> str:
        """Several workers get both CPUs, and share them with the load."""
        both = f"{self.server_cpu},{self.load_cpu}"
        return both if workload.workers > 1 else str(self.server_cpu)

    def floor_process(self) -> Process:
        return Process([self.floor, self.ports["plain"], 1024], self.server_cpu, self.ports["plain"])

    def load(self, server: Process, workload) -> dict:
        with server:
            self.wrk(workload, WARM_UP)
            cpu, clock = server.cpu_seconds(), time.monotonic()
            counted = self.wrk(workload, self.seconds)
            cpu, clock = server.cpu_seconds() - cpu, time.monotonic() - clock
            size = dict(size=self.compressed_size(workload)) if workload.gzip else {}
        requests = counted["requests"]
        if not requests:
            raise Failed("no request was answered")
        if counted["statuses"] and not workload.fails:
            raise Failed(f"{counted['statuses']} of {requests} answers had a status of 400 or above")
        return dict(rps=requests / counted["seconds"], cpu_us=cpu / requests * 1e6, p99_ms=counted["p99_ms"],
                    busy=cpu / clock, failures=counted["failures"], **size)

    def compressed_size(self, workload) -> int:
        """Compressing less well is cheaper, so the size of an answer belongs to its cost."""
        client = http.client.HTTPConnection("127.0.0.1", self.ports["plain"], timeout=10)
        with closing(client):
            client.request("GET", workload.path, headers={"Host": "localhost", "Accept-Encoding": "gzip"})
            answer = client.getresponse()
            if answer.getheader("Content-Encoding") != "gzip":
                raise Failed("the answer is not compressed")
            return len(answer.read())

    def wrk(self, workload, seconds: int) -> dict:
        scheme, port = ("https", self.ports["tls"]) if workload.tls else ("http", self.ports["plain"])
        fields = ["Host: localhost"]
        fields += ["Connection: close"] * workload.closes + ["Accept-Encoding: gzip"] * workload.gzip
        cpus = self.cpus(workload) if workload.workers > 1 else str(self.load_cpu)
        command = ["taskset", "-c", cpus, "wrk", f"-t{workload.workers}", f"-c{workload.connections}", f"-d{seconds}s",
                   "-s", str(HERE / "figures.lua")]
        for field in fields:
            command += ["-H", field]
        done = subprocess.run([*command, f"{scheme}://127.0.0.1:{port}{workload.path}"], capture_output=True, text=True,
                              timeout=seconds + 60)
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise Failed(f"wrk failed: {(done.stderr or done.stdout).strip()[:300]}") from None

    def steady(self, server: Process, workload) -> dict:
        """The time that answers take while the server is not busy."""
        command = ["taskset", "-c", str(self.load_cpu), self.base / "steady", self.ports["plain"], workload.path, site.STEADY,
                   self.seconds]
        with server:
            cpu = server.cpu_seconds()
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                                  timeout=self.seconds + 60)
            cpu = server.cpu_seconds() - cpu
        if done.returncode:
            raise Failed(f"the steady load failed: {done.stderr.strip()[:300]}")
        counted = json.loads(done.stdout)
        # The second of warming up was asked for as much.
        requests = counted["answered"] * (self.seconds + WARM_UP) / self.seconds
        return dict(rps=counted["answered"] / self.seconds, cpu_us=cpu / requests * 1e6, p99_ms=counted["p99_ms"])

    def idle(self, server: Process, workload) -> dict:
        request = f"GET {workload.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        with server, ExitStack() as stack:
            start = server.memory_mib()
            for _ in range(workload.connections):
                client = socket.create_connection(("127.0.0.1", self.ports["plain"]), 10)
                stack.enter_context(client).sendall(request)
                if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise Failed("a connection was not served")
            # What is given back once a connection waits is to be given back.
            time.sleep(1)
            return dict(total_mib=server.memory_mib(), start_mib=start)

    def about(self) -> dict:
        return dict(date=time.strftime("%Y-%m-%d"), rounds=self.rounds, seconds=self.seconds,
                    machine=f"{processor()}, {os.cpu_count()} CPUs, Linux {os.uname().release.split('-')[0]}",
                    versions={name: version(program) for name, program in self.servers.items()})


def check(command: list) -> float:
    """What a test of the configuration costs."""
    before = os.times()
    done = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, timeout=600)
    after = os.times()
    if done.returncode:
        raise Failed(f"the configuration is refused: {done.stderr.strip()[:500]}")
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def medians(raw: dict) -> dict:
    """The same with one figure in place of each list."""
    if isinstance(raw, list):
        return statistics.median(raw)
    return {key: medians(value) for key, value in raw.items()}


def raise_file_limit() -> int:
    """As many descriptors as there may be, for the clients here and the servers; says how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def free_ports(*names: str) -> dict:
    """Ports that nobody has at the moment, and that the system gives to no client while a server is away."""
    found, candidates = {}, iter(range(18_000, 30_000))
    for name in names:
        found[name] = next(port for port in candidates if is_free(port))
    return found


def is_free(port: int) -> bool:
    with socket.socket() as attempt:
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return os.uname().machine


def version(program: str) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True).stderr.strip()
    first = said.splitlines()[0] if said else ""
    return first.rpartition(": ")[2] or "unknown"
