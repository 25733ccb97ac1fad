"""Files to and from a node: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Connection, PushFile
from tests.support.sshd import wait_until


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.name.endswith(".part") or p.name[0] == "."]


def test_push_makes_folders_sets_modes_and_replaces(node: Connection, tmp_path: Path) -> None:
    root = tmp_path / "on node"
    odd = bytes(range(256)) * 40
    files = [
        PushFile(str(root / "a/run me.sh"), b"#!/bin/sh\necho hi\n", 0o755),
        PushFile(str(root / "a/b/odd'\"$.bin"), odd, 0o600),
        PushFile(str(root / "empty"), b""),
    ]
    node.push(files)
    for file in files:
        path = Path(file.path)
        assert path.read_bytes() == file.data
        assert path.stat().st_mode & 0o7777 == file.mode
    node.push([PushFile(files[0].path, b"new")])
    assert Path(files[0].path).read_bytes() == b"new"
    assert leftovers(root) == []
    node.push([])


def test_push_of_more_than_one_command_line_takes(
    node: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glm47_tui.remote.files._ARGS_MAX", 10_000)
    files = [PushFile(f"{tmp_path}/many/{n:04d}", os.urandom(300)) for n in range(200)]
    node.push(files)
    assert all(Path(f.path).read_bytes() == f.data for f in files)


def test_push_changes_nothing_when_one_file_fails(node: Connection, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RemoteError) as caught:
        node.push(
            [PushFile(f"{tmp_path}/old", b"new"), PushFile(f"{tmp_path}/folder", os.urandom(5000))]
        )
    assert caught.value.kind == "push"
    assert f"{tmp_path}/folder" in str(caught.value)
    assert (tmp_path / "old").read_bytes() == b"old"
    assert list((tmp_path / "folder").iterdir()) == []
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a\nb", "/folder/"])
def test_push_refuses_odd_paths(node: Connection, path: str) -> None:
    with pytest.raises(RemoteError) as caught:
        node.push([PushFile(path, b"")])
    assert caught.value.kind == "push"


def test_large_file_there_and_back(node: Connection, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(5_000_000) + b"\0\n")
    source.chmod(0o640)
    seen: list[tuple[int, int]] = []
    node.send_file(str(source), f"{tmp_path}/new folder/there",
                   progress=lambda done, all_: seen.append((done, all_)))  # fmt: skip
    there = tmp_path / "new folder/there"
    assert there.read_bytes() == source.read_bytes()
    assert there.stat().st_mode & 0o777 == 0o640
    assert seen[-1] == (5_000_002, 5_000_002)
    seen.clear()
    node.fetch_file(str(there), str(tmp_path / "here/back"),
                    progress=lambda done, all_: seen.append((done, all_)))  # fmt: skip
    assert (tmp_path / "here/back").read_bytes() == source.read_bytes()
    assert seen[-1] == (5_000_002, 5_000_002)
    assert leftovers(tmp_path) == []


def test_empty_file(node: Connection, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    node.send_file(str(tmp_path / "empty"), str(tmp_path / "there"))
    node.fetch_file(str(tmp_path / "there"), str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b""


def test_what_cannot_be_copied(node: Connection, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 5_000_000)
    (tmp_path / "folder").mkdir()
    for action in (
        lambda: node.fetch_file(str(tmp_path / "absent"), str(tmp_path / "out")),
        lambda: node.send_file(str(tmp_path / "absent"), str(tmp_path / "out")),
        lambda: node.send_file(str(tmp_path / "file"), str(tmp_path / "folder")),
        lambda: node.send_file(str(tmp_path / "file"), str(tmp_path / "file" / "below")),
        lambda: node.fetch_file(str(tmp_path / "file"), str(tmp_path / "file" / "below")),
    ):
        with pytest.raises(RemoteError) as caught:
            action()
        assert caught.value.kind == "transfer"
    assert not (tmp_path / "out").exists()
    assert leftovers(tmp_path) == []


def test_full_disk(node: Connection, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    with pytest.raises(RemoteError) as caught:
        node.send_file(str(tmp_path / "file"), "/dev/full/x")
    assert caught.value.kind == "transfer"


def test_a_cut_upload_leaves_nothing(node: Connection, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 40_000_000)

    def stop(done: int, all_: int) -> None:
        if done > 3_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        node.send_file(str(tmp_path / "big"), str(tmp_path / "there/big"), progress=stop)
    wait_until(lambda: leftovers(tmp_path) == [])
    assert not (tmp_path / "there/big").exists()
