"""Logs from files, folders, archives and pipes, in constant memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from glm47_tui.diagnose.catalog import Catalog
from glm47_tui.diagnose.diagnoser import Diagnoser
from glm47_tui.diagnose.report import Report
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg

BLOCK = 1 << 20
_LONGEST_LINE = 4 << 20
_NODE = re.compile(r"node[-_]?(\d{1,4})(?!\d)", re.IGNORECASE)
_NAMED = re.compile(r"^([A-Za-z][\w.-]{0,31})=(.+)$", re.DOTALL)
# ``glm47-tui logs`` of several nodes and docker compose put the node before each line.
_MERGED = re.compile(rb"\n(?:\x1b\[[\d;]*m)?([A-Za-z][\w.-]{0,31}?) *(?:\x1b\[[\d;]*m)?\| ")
_STDIN = "-"


def diagnose_files(
    paths: Iterable[str],
    *,
    skew: Mapping[str, float] | None = None,
    all_runs: bool = False,
    stdin: BinaryIO | None = None,
) -> Report:
    """Read logs and report.

    A path is a file (``.gz``, ``.bz2``, ``.xz`` too), a folder of logs, ``-`` for standard input,
    or ``NODE=FILE``. Without a name the node is inferred from the path (``node0``, ``node1``),
    else it is the file's name. UserError (exit code 2) for what cannot be read.
    """
    diagnoser = Diagnoser(Catalog.load(), skew=skew, all_runs=all_runs)
    for node, path in _named(paths):
        if path == _STDIN:
            _read(diagnoser, node, "<stdin>", stdin or sys.stdin.buffer)
            continue
        try:
            with Path(path).open("rb") as raw:
                _read(diagnoser, node, path, _unpacked(raw))
        except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
            raise _unreadable(path, error) from error
    return diagnoser.report()


def _named(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    listed = []
    for word in paths:
        found = _NAMED.match(word)
        named = found is not None and not Path(word).exists()
        name, path = (found[1], found[2]) if found and named else ("", word)
        listed += [(name, file) for file in _files(path)]
    stems = {Path(path).stem for name, path in listed if not name}
    for name, path in listed:
        yield name or _infer(path, alone=len(stems) == 1), path


def _files(path: str) -> list[str]:
    if path == _STDIN:
        return [path]
    folder = Path(path)
    if not folder.exists():
        raise _unreadable(path, FileNotFoundError())
    if not folder.is_dir():
        return [path]
    inside = sorted(str(file) for file in folder.rglob("*") if file.is_file() and _is_log(file))
    if not inside:
        raise UserError(
            Msg.of("diagnose.file.empty_folder", path=path),
            fix=Msg.of("diagnose.file.fix"),
            exit_code=Exit.USAGE,
        )
    return inside


def _is_log(file: Path) -> bool:
    return ".log" in file.name or "_log" in file.name or file.suffix in (".txt", ".out")


def _infer(path: str, *, alone: bool) -> str:
    if path == _STDIN:
        return "stdin"
    for part in reversed(Path(path).parts):
        found = _NODE.findall(part)
        if found:
            return f"node{int(found[-1])}"
    return "node0" if alone else Path(path).name


def _unreadable(path: str, error: Exception) -> UserError:
    detail = error.strerror if isinstance(error, OSError) and error.strerror else ""
    known = {
        FileNotFoundError: "diagnose.file.absent",
        PermissionError: "diagnose.file.denied",
    }
    for kind, id_ in known.items():
        if isinstance(error, kind):
            return UserError(
                Msg.of(id_, path=path), fix=Msg.of("diagnose.file.fix"), exit_code=Exit.USAGE
            )
    return UserError(
        Msg.of("diagnose.file.unreadable", path=path, detail=detail or str(error)),
        fix=Msg.of("diagnose.file.fix"),
        exit_code=Exit.USAGE,
    )


def _unpacked(raw: BinaryIO) -> BinaryIO:
    """Return the stream unpacked, by its first bytes: names of rotated logs say little."""
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)  # type: ignore[type-var]
    magic = buffered.peek(6)[:6]
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(buffered)  # type: ignore[return-value]
    if magic.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(buffered)  # type: ignore[return-value]
    return buffered


def blocks(stream: BinaryIO, size: int = BLOCK) -> Iterator[bytes]:
    """Yield a stream in blocks of whole lines, each line with its newline before it.

    A line longer than 4 MiB is cut: such a line is no log line, and memory stays bounded.
    """
    rest = b"\n"
    read = getattr(stream, "read1", stream.read)
    while chunk := read(size):
        end = chunk.rfind(b"\n")
        if end < 0:
            rest += chunk
            if len(rest) > _LONGEST_LINE:
                yield rest
                rest = b"\n"
            continue
        yield rest + chunk[:end]
        rest = chunk[end:]
    if len(rest) > 1:
        yield rest


def _read(diagnoser: Diagnoser, node: str, file: str, stream: BinaryIO) -> None:
    merged: bool | None = None
    line = 1
    for block in blocks(stream):
        if merged is None:
            merged = _is_merged(block)
        if merged:
            _feed_merged(diagnoser, block, file, line)
            line += block.count(b"\n")
        else:
            diagnoser.feed_block(node, block, file)


def _is_merged(block: bytes) -> bool:
    lines = block[:65_536].split(b"\n")[1:-1] or block.split(b"\n")[1:]
    marked = sum(1 for line in lines if _MERGED.match(b"\n" + line))
    return marked * 10 >= len(lines) * 9 > 0


def _feed_merged(diagnoser: Diagnoser, block: bytes, file: str, first_line: int) -> None:
    """Feed a stream of several nodes, in runs of lines of one node."""
    node, lines, begin = "", [b""], first_line
    for number, line in enumerate(block.split(b"\n")[1:], first_line):
        found = _MERGED.match(b"\n" + line)
        name = found[1].decode() if found else node
        if name != node and len(lines) > 1:
            diagnoser.feed_block(node, b"\n".join(lines), file, begin)
            lines, begin = [b""], number
        node = name
        lines.append(line[found.end() - 1 :] if found else line)
    if len(lines) > 1:
        diagnoser.feed_block(node, b"\n".join(lines), file, begin)
