"""paramiko's transport, made fit for long-lived connections.

What differs from paramiko's own: AES-GCM first (hardware speed), key renewal as seldom as OpenSSH
does it, keepalives that want an answer (so that a dead peer is noticed), no thread that outlives a
failed handshake, the server's parting words kept, and limits where paramiko waits for ever.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import weakref
from typing import Any

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN, cMSG_CHANNEL_REQUEST, cMSG_GLOBAL_REQUEST
from paramiko.message import Message
from paramiko.packet import Packetizer

PROBE_AFTER_S = 5.0
"""Seconds of silence after which the peer is asked for a sign of life."""
DEAD_AFTER_S = 16
"""Seconds of silence after which the peer counts as dead: three questions unanswered."""
_BYE_S = 1.0

# Its words would be tracebacks on somebody's screen; what matters is translated into RemoteError.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
logging.getLogger("paramiko").propagate = False


class _Packets(Packetizer):
    # RFC 4344: AES may run 2**32 blocks (64 GiB) on one key, which is OpenSSH's own limit.
    REKEY_BYTES = 2**36
    REKEY_PACKETS = 2**31
    REKEY_BYTES_OVERFLOW_MAX = 2**36
    REKEY_PACKETS_OVERFLOW_MAX = 2**31

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.heard = time.monotonic()
        self.asked = 0.0
        self.ask: weakref.WeakMethod[Any] | None = None
        self._handshake_end: float | None = None

    def read_message(self) -> Any:
        message = super().read_message()
        self.heard = time.monotonic()
        return message

    def _check_keepalive(self) -> None:  # called ever and again while nothing comes in
        now = time.monotonic()
        if min(now - self.heard, now - self.asked) < PROBE_AFTER_S or self.need_rekey():
            return
        self.asked = now
        ask = self.ask() if self.ask else None
        if ask:
            ask()

    # paramiko starts a timer thread for this, which keeps a process alive after a failed handshake.
    def start_handshake(self, timeout: float) -> None:
        self._handshake_end = time.monotonic() + timeout

    def handshake_timed_out(self) -> bool:
        return self._handshake_end is not None and time.monotonic() > self._handshake_end

    def complete_handshake(self) -> None:
        self._handshake_end = None

    def close(self) -> None:
        # A jump host's channel says good-bye over that host's connection, which may be gone: raised
        # here it would end paramiko's thread with a traceback, and its waiters would not be told.
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            super().close()


class Refused(Exception):
    """The server opened no channel: ``code`` as in RFC 4254 5.1, ``text`` in its words."""

    PROHIBITED = 1
    CONNECT_FAILED = 2

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


HOST_KEY_TYPES: tuple[str, ...] = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""Host key algorithms, preferred first."""


class Wire(paramiko.Transport):
    """One SSH connection, client side. ``sock`` is a socket or a channel of a jump host."""

    # How often the reader looks whether it was closed. close() wakes it by itself.
    _active_check_timeout = 0.5
    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
    )
    _preferred_macs = (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
        "hmac-sha1",
    )
    # What the stubs do not know of.
    packetizer: Any
    clear_to_send: threading.Event
    _send_user_message: Any
    _next_channel: Any
    _channels: Any
    channel_events: dict[int, threading.Event]
    channels_seen: dict[int, bool]
    default_window_size: int
    default_max_packet_size: int
    saved_exception: Exception | None

    def __init__(self, sock: Any, key_types: tuple[str, ...] = HOST_KEY_TYPES) -> None:
        super().__init__(sock, packetizer_class=_Packets)
        self._preferred_keys = key_types
        self.parting_words = ""
        """What the server said when it hung up, for example "Too many authentication failures"."""
        self.died: str | None = None
        """Set when this side gave the peer up: why."""
        self._late: dict[int, paramiko.Channel] = {}
        self._refusals: dict[int, Refused] = {}
        self.packetizer.ask = weakref.WeakMethod(self._ask_for_life)

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Host key types in order; no certificates, which this program could not judge."""
        return self._preferred_keys

    @property
    def heard(self) -> float:
        """Monotonic time of the last packet from the peer."""
        heard: float = self.packetizer.heard
        return heard

    def open(
        self,
        kind: str,
        limit: float,
        to: tuple[str, int] | None = None,
        cancel: threading.Event | None = None,
    ) -> paramiko.Channel:
        """Open a channel (``session``, or ``direct-tcpip`` to an address seen from there).

        ``limit`` is in seconds: TimeoutError. Raises Refused, or EOFError when the connection is
        gone or ``cancel`` is set. paramiko's own open_channel mixes up the answers to two threads,
        and leaks a channel that opens too late.
        """
        message = Message()
        with self.lock:
            number = self._next_channel()
            message.add_byte(cMSG_CHANNEL_OPEN)
            message.add_string(kind)
            for value in (number, self.default_window_size, self.default_max_packet_size):
                message.add_int(value)
            if to is not None:
                message.add_string(to[0])
                message.add_int(to[1])
                message.add_string("127.0.0.1")
                message.add_int(0)
            channel = paramiko.Channel(number)
            self._channels.put(number, channel)
            answered = threading.Event()
            self.channel_events[number] = answered
            self.channels_seen[number] = True
            channel._set_transport(self)  # type: ignore[attr-defined]
            channel._set_window(  # type: ignore[attr-defined]
                self.default_window_size, self.default_max_packet_size
            )
        self._send_user_message(message)
        end = time.monotonic() + limit
        while not answered.wait(min(0.2, max(0.0, end - time.monotonic()))):
            stopped = cancel is not None and cancel.is_set()
            if not self.is_active() or stopped or time.monotonic() >= end:
                self._late[number] = channel
                raise EOFError if stopped or not self.is_active() else TimeoutError
        refusal = self._refusals.pop(number, None)
        if refusal is not None:
            raise refusal
        if not self.is_active() or channel.closed:
            raise EOFError
        return channel

    def _parse_channel_open_failure(self, m: Message) -> None:
        number, code, text = m.get_int(), m.get_int(), m.get_text()
        if self._late.pop(number, None) is None:
            self._refusals[number] = Refused(code, text)
        m.rewind()
        super()._parse_channel_open_failure(m)  # type: ignore[misc]
        self.saved_exception = None

    def _parse_channel_open_success(self, m: Message) -> None:
        number = m.get_int()
        m.rewind()
        super()._parse_channel_open_success(m)  # type: ignore[misc]
        late = self._late.pop(number, None)
        if late is not None:
            late.close()

    def _ask_for_life(self) -> None:
        if self.authenticated and self.clear_to_send.is_set():
            message = Message()
            message.add_byte(cMSG_GLOBAL_REQUEST)
            message.add_string("keepalive@openssh.com")
            message.add_boolean(True)  # a refusal is an answer, too
            self._send_user_message(message)

    def _parse_disconnect(self, m: Message) -> None:
        m.get_int()
        self.parting_words = m.get_text()

    def give_up(self, why: str) -> None:
        """End a connection whose peer is silent; waiting threads wake up."""
        self.died = why
        self.close()

    def close(self) -> None:
        """Close at once, whatever other threads are doing with the connection."""
        if isinstance(self.sock, socket.socket):
            # Wake a thread that reads or writes; a socket closed under it would not.
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
            super().close()
            return
        # The jump host's connection may be stuck, and saying good-bye over it waits.
        bye = threading.Thread(target=self._bye, name="ssh-bye", daemon=True)
        bye.start()
        bye.join(_BYE_S)

    def _bye(self) -> None:
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            super().close()


def request_exec(channel: Any, command: str) -> None:
    """Ask to run a command, without waiting: what is sent next need not wait for the answer.

    paramiko's exec_command waits, and without a limit. A refusal closes the channel.
    """
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(command)
    channel._event_pending()
    channel.transport._send_user_message(message)


def exec_accepted(channel: Any) -> bool:
    """Whether the server agreed to run the command (known once the channel has an answer)."""
    return bool(channel.event_ready)


class _Watch:
    """One thread for all connections: gives up those whose peer has been silent for too long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, wire: Wire) -> None:
        with self._lock:
            self._wires.add(wire)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="ssh-watch", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        silent: weakref.WeakKeyDictionary[Wire, tuple[float, int]] = weakref.WeakKeyDictionary()
        while True:
            time.sleep(1.0)
            with self._lock:
                wires = [w for w in self._wires if w.is_active()]
                self._wires = weakref.WeakSet(wires)
                if not wires:
                    self._thread = None
                    return
            for wire in wires:
                heard, seconds = silent.get(wire, (0.0, 0))
                # Seconds this thread has lived through, not the clock's: after the process was
                # stopped or the machine slept, the peer gets its time to answer.
                seconds = seconds + 1 if heard == wire.heard else 0
                silent[wire] = (wire.heard, seconds)
                if seconds >= DEAD_AFTER_S and wire.died is None:
                    wire.give_up("silent")
            del wires


WATCH = _Watch()
