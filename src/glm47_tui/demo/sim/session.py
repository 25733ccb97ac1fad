"""One command on a simulated node: real bash, its texts translated on the way in and out."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import subprocess
import threading
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from glm47_tui.demo.sim import reap
from glm47_tui.demo.sim.site import MARK, Site
from glm47_tui.demo.sim.world import Leaver, World

if TYPE_CHECKING:
    import paramiko

_ASSIGNMENT = re.compile(r"\w+=")


def reads_script(command: str) -> bool:
    """Whether a command line is a shell that takes its script from standard input."""
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    while words and (words[0] in ("exec", "env") or _ASSIGNMENT.match(words[0])):
        words = words[1:]
    if not words or words[0].rpartition("/")[2] not in ("bash", "sh"):
        return False
    options = [w for w in words[1:] if w.startswith("-")]
    return any("s" in w for w in options if w != "--" and not w.startswith("--")) or not words[1:]


def environment(site: Site) -> dict[str, str]:
    """Return what a login finds in its environment."""
    local = f"{site.fs}/usr/local"
    return {
        "HOME": f"{site.fs}/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash",
        "PATH": f"{local}/sbin:{local}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8", "TMPDIR": str(site.fs / "tmp"),
        MARK: site.node.home,
    }  # fmt: skip


class Session:
    """Runs one command for one channel, on threads of its own."""

    def __init__(self, site: Site, channel: paramiko.Channel, command: str) -> None:
        self._channel = channel
        self._world = site.world()
        self._leavers = [Leaver(str(site.dir), site.addresses()) for _ in range(2)]
        self._script = reads_script(command)
        line = self._world.enter(command)
        self._process = reap.started_by(
            lambda: subprocess.Popen(
                ["bash", "-c", line],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(site),
                cwd=site.fs / "root",
                start_new_session=True,
            )
        )

    def start(self) -> None:
        """Begin to move bytes."""
        process = self._process
        if not (process.stdin and process.stdout and process.stderr):
            return
        threading.Thread(target=self._feed, args=(process.stdin,), daemon=True).start()
        sinks = (
            (process.stdout, self._channel.sendall),
            (process.stderr, self._channel.sendall_stderr),
        )
        pumps = [
            threading.Thread(target=self._drain, args=(pipe, sink, leaver), daemon=True)
            for (pipe, sink), leaver in zip(sinks, self._leavers, strict=True)
        ]
        for pump in pumps:
            pump.start()
        threading.Thread(target=self._end, args=(pumps,), daemon=True).start()

    def _feed(self, pipe: IO[bytes]) -> None:
        translate = _lines(self._world) if self._script else None
        try:
            while True:
                data = self._channel.recv(65536)
                out = translate(data) if translate else data
                if out:
                    pipe.write(out)
                    pipe.flush()
                if not data:
                    break
        except OSError:  # the command has closed its input, or ended
            pass
        with contextlib.suppress(OSError):
            pipe.close()

    def _drain(self, pipe: IO[bytes], sink: Callable[[bytes], None], leaver: Leaver) -> None:
        handle = pipe.fileno()
        try:
            while not self._channel.closed:
                wait = 0.03 if leaver.holding else 0.5
                if not select.select([handle], [], [], wait)[0]:
                    if leaver.holding:
                        sink(leaver.flush())
                    continue
                data = os.read(handle, 65536)
                out = leaver.feed(data) if data else leaver.flush()
                if out:
                    sink(out)
                if not data:
                    break
        except (OSError, EOFError):  # the channel is closed
            pass
        pipe.close()

    def _end(self, pumps: list[threading.Thread]) -> None:
        code = reap.waited_for(self._process)
        for pump in pumps:
            pump.join()
        try:
            self._channel.send_exit_status(code if code >= 0 else 128 - code)
            self._channel.close()
        except (OSError, EOFError):
            return


def _lines(world: World) -> Callable[[bytes], bytes]:
    """Return a translator of a script that arrives in pieces: whole lines go on, ends wait."""
    held = b""

    def take(data: bytes) -> bytes:
        nonlocal held
        held += data
        end = held.rfind(b"\n") + 1 if data else len(held)
        whole, held = held[:end], held[end:]
        return world.enter(whole.decode("utf-8", "surrogateescape")).encode(
            "utf-8", "surrogateescape"
        )

    return take
