"""What will run, to be read before it runs: files, commands, lint, and how nodes differ from it."""

from __future__ import annotations

import difflib
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node.text import visible
from glm47_tui.profile import Profile
from glm47_tui.render import (
    LintFacts,
    LintNote,
    Rendered,
    commands,
    guide_diff,
    guide_original,
    lint,
    render,
    step_ids,
    step_script,
    write,
)
from glm47_tui.session.tasks import Task

if TYPE_CHECKING:
    from glm47_tui.session.session import Session

COMMANDS = "#commands"
"""Path of the entry that holds the commands."""
READ_LIMIT_S = 30.0
"""Seconds that reading a node's files may take."""

OnNode = Literal["unknown", "same", "differs", "absent", "not_there"]
"""A file on a node: ``same`` or ``differs`` from ours; ``absent``: it will be new; ``not_there``:
it never lies on a node (it travels on standard input, or is for people)."""

_HASHES = """\
main() {
  for f in "$@"; do
    if [ -f "$f" ]; then printf '@@ sum %s %s\\n' "$(sha256sum < "$f" | cut -d' ' -f1)" "$f"; fi
  done
}
main "$@"
"""
READ_BYTES = 262_144
"""So much of a node's file is read for comparison; ours are far smaller."""
_READ = f'main() {{ head -c {READ_BYTES} -- "$1"; }}\nmain "$@"\n'


@dataclass(frozen=True)
class Entry:
    """Something to read. ``lands``: it is put on the node at ``<base>/<path>``."""

    path: str
    text: str
    lands: bool
    sha256: str = ""


class ReviewRoom:
    """Everything rendered from one profile, and what the nodes hold of it now."""

    def __init__(self, session: Session, profile: Profile) -> None:
        self.session = session
        self.profile = profile
        self.rendered: Rendered = render(profile)
        self.notes: tuple[LintNote, ...] = lint(profile, self._lint_facts())
        self.on_node: dict[int, dict[str, str]] = {}
        """Sha256 by path, as the nodes have them; a node is missing until it was looked at."""
        self.texts: dict[tuple[int, str], str] = {}
        """Text of files that differ, as the nodes have them."""
        self._entries: dict[int, tuple[Entry, ...]] = {}

    def _lint_facts(self) -> LintFacts:
        room = self.session.peek()[0]
        facts = room.facts.get(0) if room is not None else None
        if facts is None:
            return LintFacts()
        versions = facts.inside.versions if facts.inside is not None else {}
        quantised = (
            facts.model.quantised if facts.model is not None and facts.model.exists else None
        )
        return LintFacts(versions.get("vllm"), versions.get("vllm_ascend"), quantised)

    def entries(self, index: int) -> tuple[Entry, ...]:
        """Return what there is to read for one node: commands, launch first, then the rest."""
        if index not in self._entries:
            files = [Entry(f.path, f.text, True, f.sha256) for f in self.rendered.for_node(index)]
            mine = [e for e in files if f"node{index}" in e.path]
            rest = [e for e in files if e not in mine]
            steps = [
                Entry(f"steps/{i}.sh", step_script(self.profile, index, i), False)
                for i in step_ids()
            ]
            looks = [
                Entry(f.path, f.text, False)
                for f in self.rendered.files
                if f.role == "step" and f.node is None
            ]
            docs = [Entry(f.path, f.text, False) for f in self.rendered.files if f.role == "doc"]
            first = Entry(COMMANDS, self._commands(index), False)
            self._entries[index] = (first, *mine, *rest, *steps, *looks, *docs)
        return self._entries[index]

    def _commands(self, index: int) -> str:
        blocks = []
        for command in commands(self.profile, index):
            where = Msg.of(f"screens.review.where.{command.where}", node=f"node{index}")
            blocks.append(f"# {command.what}  [{where}]\n{command.text.rstrip()}\n")
        return "\n".join(blocks)

    def relabel(self) -> None:
        """Put the commands into the current language."""
        self._entries.clear()

    def notes_for(self, entry: Entry, index: int) -> dict[int, list[LintNote]]:
        """Return the lint's notes on a file, by line number; 0 for the file as a whole."""
        found: dict[int, list[LintNote]] = {}
        for note in self.notes:
            if note.file and posixpath.basename(note.file) == posixpath.basename(entry.path):
                found.setdefault(note.line, []).append(note)
        del index
        return found

    def guide(self, entry: Entry, index: int) -> str | None:
        """Return the diff from the guide's file to ours; None when the guide has no such file."""
        if not entry.lands or guide_original(self.profile, index, entry.path) is None:
            return None
        return guide_diff(self.profile, index, entry.path)

    def state(self, entry: Entry, index: int) -> OnNode:
        """Tell how a file stands on a node."""
        if not entry.lands:
            return "not_there"
        if index not in self.on_node:
            return "unknown"
        found = self.on_node[index].get(self.place(entry))
        if found is None:
            return "absent"
        return "same" if found == entry.sha256 else "differs"

    def place(self, entry: Entry) -> str:
        """Absolute path of an entry on a node."""
        return posixpath.join(self.rendered.base_dir, entry.path)

    def node_diff(self, entry: Entry, index: int) -> str | None:
        """Return the diff from what the node has to ours; None until it was read.

        What a terminal would act on is written out (``\\x1b``), and so is a missing last newline.
        """
        theirs = self.texts.get((index, entry.path))
        if theirs is None:
            return None
        lines = difflib.unified_diff(
            _lines(theirs), _lines(entry.text), f"node{index}", entry.path, lineterm=""
        )
        return "\n".join(lines)

    def compare(self) -> None:
        """Read the hashes of the files that the nodes have now, where a connection is open."""
        room = self.session.peek()[0]
        open_nodes = [i for i in range(len(self.profile.nodes)) if room and room.connection(i)]
        if not open_nodes or self.session.tasks.running("compare"):
            return

        def work(task: Task) -> None:
            for index in open_nodes:
                connection = room.connection(index) if room is not None else None
                if connection is None or task.cancel.is_set():
                    continue
                paths = [self.place(e) for e in self.entries(index) if e.lands]
                result = connection.run(_HASHES, *paths, timeout=READ_LIMIT_S, cancel=task.cancel)
                sums = {" ".join(f[2:]): f[1] for f in result.facts if f[0] == "sum" and len(f) > 2}
                self._put_sums(index, sums)

        self.session.tasks.start("compare", Msg.of("screens.review.task.compare"), work)

    def _put_sums(self, index: int, sums: dict[str, str]) -> None:
        self.session.inbox.put("review", lambda: self.on_node.__setitem__(index, sums))

    def read(self, entry: Entry, index: int) -> None:
        """Read a file that differs from its node."""
        room = self.session.peek()[0]
        connection = room.connection(index) if room is not None else None
        if connection is None or (index, entry.path) in self.texts:
            return
        place = self.place(entry)

        def work(task: Task) -> None:
            result = connection.run(_READ, place, timeout=READ_LIMIT_S, cancel=task.cancel)
            text = result.out
            self.session.inbox.put(
                "review", lambda: self.texts.__setitem__((index, entry.path), text)
            )

        self.session.tasks.start("read", Msg.of("screens.review.task.read", path=entry.path), work)

    def export(self, folder: Path) -> int:
        """Write everything into a folder and return how many files; UserError when it cannot."""
        try:
            return len(write(self.rendered, folder))
        except OSError as error:
            detail = error.strerror or str(error)
            raise UserError(
                Msg.of("screens.review.cannot_write", path=str(folder), detail=detail)
            ) from None


def _lines(text: str) -> list[str]:
    lines = [visible(line) for line in text.split("\n")]
    if not lines[-1]:
        return lines[:-1]
    return [*lines, "\\ No newline at end of file"]  # as diff says it, in every language
