"""A federation of Flower's real programs, with TLS and SuperNode authentication, as docs/deploy.md starts them.

On Linux each program has a loopback address of its own, as if it were on a host of its own. SuperNodes know the front
alone; the SuperLink behind it is on 127.0.0.1.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fedot.deploy.keys import make_all
from fedot.deploy.submit import SuperLink, register
from fedot.federation.engines.flower_cli import QUIET, free_port

SUPERLINK, SUPERNODE = ("127.0.0.2", "127.0.0.{}") if sys.platform == "linux" else ("127.0.0.1", "127.0.0.1")
START = 90.0  # seconds for a program to come up on a busy machine


@dataclass
class Program:
    """A child in a process group of its own, and the file that it writes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, word: str, seconds: float = START) -> None:
        deadline = time.monotonic() + seconds
        while word not in self.text():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.text()[-2000:]}"
            assert time.monotonic() < deadline, f"no {word!r} within {seconds} s:\n{self.text()[-2000:]}"
            time.sleep(0.1)

    def kill(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait(30)


@dataclass
class Federation:
    """A SuperLink, and its SuperNodes by name."""

    folder: Path
    port: int
    keys: Path
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Environment that SuperNodes have, and nobody else."""
    control: int = field(default_factory=free_port)
    superlink: Program | None = None
    front: Program | None = None
    supernodes: dict[str, Program] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def link(self) -> SuperLink:
        """The SuperLink, as its owner reaches it."""
        return SuperLink(f"127.0.0.1:{self.control}", self.keys / "public" / "ca.crt")

    @property
    def door(self) -> SuperLink:
        """The front, which is all that SuperNodes reach."""
        return SuperLink(f"{SUPERLINK}:{self.port}", self.keys / "public" / "ca.crt")

    @property
    def owner(self) -> Path:
        return self.keys / "owner" / "key"

    def environment(self, name: str) -> dict[str, str]:
        return {
            **os.environ,
            **{name: "1" for name in QUIET if "TELEMETRY" in name},  # which the launchers have to turn off
            "FLWR_HOME": str(self.folder / f"flower-{name}"),
            "XDG_CACHE_HOME": str(self.folder / f"cache-{name}"),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONUNBUFFERED": "1",
            **({} if name in ("superlink", "front") else self.nodes),
        }

    def start(self, name: str, *command: str) -> Program:
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(name),
                cwd=self.folder,
                start_new_session=True,
            )
        return Program(process, log)

    def start_superlink(self) -> None:
        server, public = self.keys / "server", self.keys / "public"
        self.superlink = self.start(
            "superlink",
            *(sys.executable, "-m", "fedot.deploy.superlink"),
            *("--ssl-ca-certfile", str(public / "ca.crt"), "--ssl-certfile", str(server / "server.pem")),
            *("--ssl-keyfile", str(server / "server.key"), "--enable-supernode-auth"),
            *("--host", "127.0.0.1", "--port", str(self.control), "--database", str(self.folder / "state.db")),
            "--disable-runtime-dependency-installation",
        )
        self.wait_for_port(self.superlink, "127.0.0.1", self.control)

    def start_front(self) -> None:
        self.front = self.start(
            "front",
            *(sys.executable, "-m", "fedot.deploy", "front", "--listen", self.door.address),
            *("--superlink", self.link.address, "--server", str(self.keys / "server")),
            *("--root-certificates", str(self.keys / "public" / "ca.crt")),
        )
        self.wait_for_port(self.front, SUPERLINK, self.port)

    @staticmethod
    def wait_for_port(program: Program, host: str, port: int) -> None:
        import socket

        deadline = time.monotonic() + START
        while True:
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
                return
            assert program.process.poll() is None, program.text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def start_supernode(
        self, name: str, partition: int, count: int, *, ca: Path | None = None, key: Path | None = None, **node: str
    ) -> Program:
        more = "".join(f' {name}="{value}"' for name, value in node.items())
        program = self.start(
            name,
            *(sys.executable, "-m", "fedot.deploy.supernode"),
            *("--trusted-entities", str(self.keys / "public" / "trusted.yaml")),
            *("--root-certificates", str(ca or self.keys / "public" / "ca.crt")),
            *("--superlink", self.door.address, "--host", SUPERNODE.format(3 + partition)),
            *("--port", str(free_port())),
            *("--auth-supernode-private-key", str(key or self.keys / "nodes" / name / "key")),
            *("--node-config", f"partition-id={partition} num-partitions={count} tell-words=true{more}"),
        )
        self.supernodes[name] = program
        return program

    def revive(self, name: str, partition: int, count: int) -> None:
        """Start a SuperNode whenever it ends, as `restart: on-failure` does: a key is let in once only."""

        def again() -> None:
            while not self.stopping.is_set():
                program = self.start_supernode(name, partition, count)
                while program.process.poll() is None:
                    if self.stopping.wait(0.5):
                        return

        self.threads.append(threading.Thread(target=again))
        self.threads[-1].start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        for program in (*self.supernodes.values(), self.front, self.superlink):
            if program is not None:
                program.kill(signal.SIGTERM)


@contextlib.contextmanager
def federation(folder: Path, names: Mapping[str, int], **nodes: str) -> Iterator[Federation]:
    """Start a SuperLink, its front and a SuperNode for each name, with its partition; end them all.

    `nodes` is the environment that SuperNodes have, and nobody else.
    """
    found = Federation(folder, free_port(), folder / "keys", nodes)
    make_all(found.keys, [SUPERLINK], list(names))
    try:
        found.start_superlink()
        found.start_front()
        register(found.link, found.keys / "public")
        for name, partition in names.items():
            found.start_supernode(name, partition, len(names))
        yield found
    finally:
        found.stop()
