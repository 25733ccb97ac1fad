"""Chinese texts break between characters, and no line begins with a full stop."""

from __future__ import annotations

import pytest
from textual.content import Content

from glm47_tui.widgets import breaks


def lines(text: str, width: int) -> list[str]:
    return [line.plain.rstrip() for line in Content(text).wrap(width)]


@pytest.mark.parametrize(
    ("text", "width", "broken"),
    [
        ("x 不是绝对路径，应以 / 开头。", 12, ["x 不是绝对路", "径，应以 /", "开头。"]),
        ("一二三四。五六", 8, ["一二三", "四。五六"]),
        ("一二三“四五”六", 8, ["一二三", "“四五”六"]),
        ("按 `ip addr` 填写网卡名", 12, ["按 `ip addr`", "填写网卡名"]),
        ("it's one long line", 9, ["it's one", "long line"]),
        ("abcdefghijkl一二", 6, ["abcdef", "ghijkl", "一二"]),
    ],
)
def test_lines_break_where_a_reader_would(text: str, width: int, broken: list[str]) -> None:
    breaks.install()
    assert lines(text, width) == broken
