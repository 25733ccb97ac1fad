"""The SSH server of the simulated nodes: paramiko in server mode."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import paramiko
from paramiko import common

from glm47_tui.demo.sim.session import Session
from glm47_tui.demo.sim.site import Site

MAX_SESSIONS = 10
"""Sessions a connection may have open, as OpenSSH's default."""
USER = "root"


class Connection(paramiko.Transport):
    """The server's end of a connection.

    A command may not begin before the reply to its request is on the way: a quick one would close
    its channel first, and the client would take that for a refusal.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._begin: list[Callable[[], None]] = []

    def after_reply(self, begin: Callable[[], None]) -> None:
        """Call this once the reply to the request in hand has been sent."""
        self._begin.append(begin)

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        # Requests are handled, and replied to, on this object's own thread.
        if self._begin and threading.current_thread() is self:
            for begin in (begun := self._begin.copy()):
                begin()
            del self._begin[: len(begun)]


class Login(paramiko.ServerInterface):
    """Decides what one client may do."""

    def __init__(self, site: Site, key: paramiko.PKey, password: str | None) -> None:
        self._site = site
        self._key = key
        self._password = password
        self._sessions: set[paramiko.Channel | int] = set()
        self.forwards: dict[int, socket.socket] = {}
        self._lock = threading.Lock()

    def get_allowed_auths(self, username: str) -> str:
        """Name the ways to log in."""
        del username
        return "publickey,password" if self._password else "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Accept the cluster's own key."""
        good = username == USER and key.asbytes() == self._key.asbytes()
        return common.AUTH_SUCCESSFUL if good else common.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        """Accept the password, where the cluster has one."""
        good = bool(self._password) and username == USER and password == self._password
        return common.AUTH_SUCCESSFUL if good else common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Allow sessions up to OpenSSH's default number."""
        if kind != "session":
            return common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        with self._lock:
            live = {c for c in self._sessions if not isinstance(c, int) and not c.closed}
            waiting = {c for c in self._sessions if isinstance(c, int)}
            self._sessions = {*live, *waiting}
            if len(self._sessions) >= MAX_SESSIONS:
                return common.OPEN_FAILED_RESOURCE_SHORTAGE
            self._sessions.add(chanid)
        return common.OPEN_SUCCEEDED

    def opened(self, channel: paramiko.Channel) -> None:
        """Count a channel by itself from now on, no longer by its number."""
        with self._lock:
            if channel.get_id() in self._sessions:
                self._sessions.discard(channel.get_id())
                self._sessions.add(channel)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Run a command."""
        self.opened(channel)
        text = command.decode("utf-8", "surrogateescape")
        try:
            session = Session(self._site, channel, text)
        except OSError:
            return False
        transport = channel.get_transport()
        if isinstance(transport, Connection):
            transport.after_reply(session.start)
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        """Run a shell that reads its commands from standard input."""
        return self.check_channel_exec_request(channel, b"exec bash -s")

    def check_channel_env_request(
        self, channel: paramiko.Channel, name: bytes, value: bytes
    ) -> bool:
        """Take no variables, as sshd does by default (locale variables are harmless, too)."""
        del channel, name, value
        return False

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        """Connect to a port of the node, or of another node of this cluster."""
        del origin
        host, port = destination
        address = self._site.world().address("127.0.0.1" if host == "localhost" else host)
        if not address.startswith("127."):
            return common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        try:
            self.forwards[chanid] = socket.create_connection((address, port), timeout=5)
        except OSError:
            return common.OPEN_FAILED_CONNECT_FAILED
        self.forwards[chanid].settimeout(None)
        return common.OPEN_SUCCEEDED


def _copy(read: socket.socket | paramiko.Channel, write: socket.socket | paramiko.Channel) -> None:
    with contextlib.suppress(OSError, EOFError):
        while data := read.recv(65536):
            write.sendall(data)
    with contextlib.suppress(OSError, EOFError):
        if isinstance(write, paramiko.Channel):
            write.shutdown_write()
        else:
            write.shutdown(socket.SHUT_WR)


def _forward(channel: paramiko.Channel, sock: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(sock, channel), daemon=True)
    back.start()
    _copy(channel, sock)
    back.join()
    channel.close()
    sock.close()


class Server:
    """Listens for all nodes of a cluster; one thread a connection, besides paramiko's own."""

    def __init__(self, key_folder: Path, password: str | None) -> None:
        self._password = password
        self._client_key = paramiko.Ed25519Key.from_private_key_file(str(key_folder / "id_ed25519"))
        self._folder = key_folder
        self._selector = selectors.DefaultSelector()
        self._transports: dict[paramiko.Transport, Site] = {}
        self._doors: dict[Site, tuple[socket.socket, paramiko.PKey]] = {}
        self._addresses: dict[Site, tuple[str, int]] = {}

    def add(self, site: Site, listening: socket.socket) -> None:
        """Serve a node on a socket that listens."""
        host_key = paramiko.Ed25519Key.from_private_key_file(
            str(self._folder / f"host_{site.node.number}")
        )
        self._addresses[site] = listening.getsockname()
        self._open(site, listening, host_key)

    def _open(self, site: Site, listening: socket.socket, host_key: paramiko.PKey) -> None:
        listening.setblocking(False)
        self._doors[site] = (listening, host_key)
        self._selector.register(listening, selectors.EVENT_READ, (site, host_key, listening))

    def _follow_faults(self) -> None:
        """Close the doors of nodes whose sshd is to be off, with all who came in; open others."""
        for site, (listening, host_key) in list(self._doors.items()):
            off, closed = site.fault("ssh-down") is not None, listening.fileno() < 0
            if off and not closed:
                self._selector.unregister(listening)
                listening.close()
            elif closed and not off:
                again = socket.socket()
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                again.bind(self._addresses[site])
                again.listen(64)
                self._open(site, again, host_key)
            if off:
                for transport, of in list(self._transports.items()):
                    if of is site:
                        transport.close()

    def serve(self, stopped: threading.Event) -> None:
        """Accept connections until told to stop."""
        while not stopped.is_set():
            with contextlib.suppress(OSError):  # an address that is taken for a moment
                self._follow_faults()
            for key, _ in self._selector.select(0.2):
                site, host_key, listening = key.data
                with contextlib.suppress(OSError):
                    sock, _ = listening.accept()
                    sock.setblocking(True)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(
                        target=self._client, args=(sock, site, host_key), daemon=True
                    ).start()
        for transport in tuple(self._transports):
            transport.close()

    def _client(self, sock: socket.socket, site: Site, host_key: paramiko.PKey) -> None:
        transport = Connection(sock)
        self._transports[transport] = site
        try:
            transport.local_version = "SSH-2.0-SimulatedNode_1"
            transport.add_server_key(host_key)
            login = Login(site, self._client_key, self._password)
            transport.start_server(server=login)
            while transport.is_active():
                channel = transport.accept(1.0)
                if channel is None:
                    continue
                login.opened(channel)
                if (end := login.forwards.pop(channel.get_id(), None)) is not None:
                    threading.Thread(target=_forward, args=(channel, end), daemon=True).start()
        except (paramiko.SSHException, OSError, EOFError):
            pass  # a client that does not speak SSH, or left
        finally:
            transport.close()
            self._transports.pop(transport, None)
