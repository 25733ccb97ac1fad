"""Files to and from a node, by nothing but bash and coreutils there.

Small files go in one round trip, all of them written beside their places and checked before the
first one is moved there. A large file goes through ``cat``: twice as fast as SFTP in paramiko.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import paramiko

from glm47_tui.remote.api import PushFile
from glm47_tui.remote.command import Root, build, build_for_data
from glm47_tui.remote.lines import clean
from glm47_tui.remote.link import Link, Session
from glm47_tui.remote.run import acknowledge, run

Progress = Callable[[int, int], None]

# Arguments: path, mode, size, sha256 of each file; standard input: their contents.
_PUSH = (
    "umask 022; tmps=(); paths=(); sums=(); made=; n=0; "
    """trap '[ "${#tmps[@]}" = 0 ] || rm -f -- "${tmps[@]}"' EXIT; """
    "give_up() { printf '@@ failed %s\\n' \"$1\"; exit 1; }; "
    'while [ "$#" -ge 4 ]; do dir=${1%/*}; tmp="$dir/.${1##*/}.$$.part"; '
    'if [ "$dir" != "$made" ]; then mkdir -p -- "${dir:-/}" 2>&1 || give_up "$1"; made=$dir; fi; '
    'if [ -d "$1" ]; then echo "$1: is a directory"; give_up "$1"; fi; '
    'tmps+=("$tmp"); paths+=("$1"); sums+=("$4"); '
    '{ head -c "$3" >"$tmp"; } 2>&1 || give_up "$1"; '
    '[ "$2" = 644 ] || chmod "$2" "$tmp" 2>&1 || give_up "$1"; shift 4; done; '
    'while read -r sum rest; do [ "${sum#\\\\}" = "${sums[$n]}" ] || { '
    'echo "content differs"; give_up "${paths[$n]}"; }; n=$((n + 1)); '
    'done < <(sha256sum -- "${tmps[@]}"); '
    '[ "$n" = "${#paths[@]}" ] || give_up "${paths[$n]}"; '
    'for i in "${!paths[@]}"; do mv -f -- "${tmps[$i]}" "${paths[$i]}" 2>&1 || '
    'give_up "${paths[$i]}"; done; printf \'@@ pushed %s\\n\' "${#paths[@]}"'
)
_ARGS_MAX = 100_000
"""Characters of arguments a push sends at a time (Linux allows 131072 in one word of sshd's)."""

# Arguments: path, size, mode; standard input: the content.
_SEND = (
    'exec 2>&1; umask 022; dir=${1%/*}; tmp="$dir/.${1##*/}.$$.part"; '
    'trap \'rm -f -- "$tmp"\' EXIT; mkdir -p -- "${dir:-/}" || exit 1; '
    'if [ -d "$1" ]; then echo "$1: is a directory"; exit 1; fi; cat >"$tmp" || exit 1; '
    'got=$(stat -c %s -- "$tmp") || exit 1; '
    'if [ "$got" != "$2" ]; then echo "$got / $2 bytes"; exit 1; fi; '
    'chmod "$3" "$tmp" && mv -f -- "$tmp" "$1" && printf \'@@ sent %s\\n\' "$got"'
)

_FETCH = r"""
main() {
  [ -f "$1" ] || { echo "$1: no such file" >&2; exit 1; }
  local size
  size=$(stat -L -c %s -- "$1") || exit 1
  printf '@@size %s\n' "$size"
  exec cat -- "$1"
}
main "$@"
"""

_SILENCE_S = 60.0
"""A transfer that moves nothing for this long is given up."""
_READ = 1024 * 1024
_GONE = (EOFError, OSError, paramiko.SSHException)


def push(link: Link, root: Root, files: Sequence[PushFile], timeout: float) -> None:
    """See ``Connection.push``."""
    end = time.monotonic() + timeout
    args: list[str] = []
    pieces: list[bytes] = []
    for file in files:
        if re.search(r"[\x00-\x1f]|/$|^[^/]|/\.\.?(/|$)", file.path):
            raise link.error("push", path=repr(file.path)[1:-1], detail=repr(file.path))
        mine = (
            file.path,
            f"{file.mode & 0o7777:o}",
            str(len(file.data)),
            hashlib.sha256(file.data).hexdigest(),
        )
        if sum(map(len, args)) + sum(map(len, mine)) > _ARGS_MAX:
            _push(link, root, args, b"".join(pieces), end - time.monotonic())
            args, pieces = [], []
        args += mine
        pieces.append(file.data)
    if args:
        _push(link, root, args, b"".join(pieces), end - time.monotonic())


def _push(link: Link, root: Root, args: list[str], data: bytes, timeout: float) -> None:
    command = build_for_data(_PUSH, args, root)
    result = run(link, command, timeout=max(timeout, 0.1), data=data)
    if result.code != 0 or result.fact("pushed") != str(len(args) // 4):
        words = [x for x in clean((result.out + result.err).encode()).split("\n") if x.strip()]
        detail = next((x for x in words if not x.startswith("@@")), f"exit {result.code}")
        path = result.fact("failed") or args[0]
        raise link.error("push", path=path, detail=detail.strip()[:200])


def send_file(link: Link, root: Root, local: str, remote: str, progress: Progress | None) -> None:
    """See ``Connection.send_file``."""
    try:
        with Path(local).open("rb") as source:
            status = os.fstat(source.fileno())
            args = (remote, str(status.st_size), f"{status.st_mode & 0o777:o}")
            session = link.start(build_for_data(_SEND, args, root), _SILENCE_S)
            try:
                _pour(session, source.fileno(), status.st_size, progress)
                _finish(session, remote)
            except BaseException:
                session.kill()
                raise
            session.end()
    except OSError as error:
        raise _local(link, local, error) from None


def _pour(session: Session, source: int, size: int, progress: Progress | None) -> None:
    sent = 0
    while sent < size:
        data = os.read(source, _READ)
        if not data:
            break
        try:
            session.send(data, time.monotonic() + _SILENCE_S)
        except _GONE:
            break  # the node's side has given up; it says why
        sent += len(data)
        if progress is not None:
            progress(sent, size)
    session.finish_input()


def _finish(session: Session, remote: str) -> None:
    link, channel = session.link, session.channel
    if not channel.status_event.wait(_SILENCE_S):
        raise link.error("limit", seconds=round(_SILENCE_S))
    output = _rest(channel.in_buffer)
    if channel.exit_status < 0 and not link.wire.is_active():
        raise link.lost()
    if session.saw_ready(output) is None:
        raise session.never_ready(output, _rest(channel.in_stderr_buffer), channel.exit_status)
    words = [x for x in clean(output).split("\n") if x.strip()]
    if channel.exit_status != 0 or not any(x.startswith("@@ sent ") for x in words):
        detail = next((x for x in words if not x.startswith("@@")), f"exit {channel.exit_status}")
        raise link.error("transfer", path=remote, detail=detail[:200])


def _rest(pipe: object) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        while len(data) < _READ:
            piece = pipe.read(_READ, 1.0)  # type: ignore[attr-defined]
            if not piece:
                break
            data += piece
    return data


def fetch_file(link: Link, root: Root, remote: str, local: str, progress: Progress | None) -> None:
    """See ``Connection.fetch_file``. A file that grows meanwhile is taken as long as it was."""
    target = Path(local)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _local(link, local, error) from None
    temporary = Path(name)
    session = None
    try:
        session = link.start(build(_FETCH, (remote,), root), _SILENCE_S)
        _fill(session, handle, remote, progress)
        temporary.replace(target)
    except OSError as error:
        raise _local(link, local, error) from None
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)
        if session is not None:
            session.kill()


def _fill(session: Session, handle: int, remote: str, progress: Progress | None) -> None:
    size, data = _size(session, remote)
    got = 0
    while True:
        data = data[: size - got]
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        got += len(data)
        if progress is not None and data:
            progress(got, size)
        if got >= size:
            return
        data = _piece(session)
        if not data:
            detail = f"{got} / {size}"
            raise session.link.error("transfer", path=remote, detail=detail)


def _size(session: Session, remote: str) -> tuple[int, bytes]:
    """Size of the remote file, and the first of its bytes."""
    head = b""
    while True:
        rest = session.saw_ready(head)
        if rest is not None and rest.startswith(b"@@size ") and b"\n" in rest:
            line, _, data = rest.partition(b"\n")
            return int(line.split()[1]), data
        more = _piece(session)
        if not more:
            break
        head += more
    channel = session.channel
    channel.status_event.wait(2.0)
    errors = _rest(channel.in_stderr_buffer)
    if session.saw_ready(head) is None:
        raise session.never_ready(head, errors, channel.exit_status)
    detail = " ".join(clean(errors).split())[:200] or f"exit {channel.exit_status}"
    raise session.link.error("transfer", path=remote, detail=detail)


def _piece(session: Session) -> bytes:
    channel = session.channel
    try:
        data: bytes = channel.in_buffer.read(_READ, _SILENCE_S)
    except OSError:
        raise session.link.error("limit", seconds=round(_SILENCE_S)) from None
    if data:
        acknowledge(channel, len(data))
    elif not session.link.wire.is_active() and not channel.eof_received:
        raise session.link.lost()
    return data


def _local(link: Link, path: str, error: OSError) -> Exception:
    return link.error("transfer", path=path, detail=error.strerror or str(error))
