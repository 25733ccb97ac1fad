"""``python -m tests.unit.checks.doc_table``: writes the table of checks into docs/checks*.md."""

from __future__ import annotations

from pathlib import Path

from glm47_tui.checks import CHECKS, GROUPS
from glm47_tui.i18n import Msg, set_language, t

DOCS = Path(__file__).parents[3] / "docs"
PAGES = {"en": DOCS / "checks.md", "zh_CN": DOCS / "checks.zh-CN.md"}
BEGIN, END = "<!-- table of checks: begin -->", "<!-- table of checks: end -->"
HEADS = {
    "en": "| check | looks at | source |",
    "zh_CN": "| \u68c0\u67e5\u9879 | \u5185\u5bb9 | \u4f9d\u636e |",
}


def table(lang: str) -> str:
    """Return the table in one language, a heading a group."""
    set_language(lang)
    try:
        parts: list[str] = []
        for group in GROUPS:
            parts += [
                "",
                f"### {t(Msg(f'checks.group.{group}'))}",
                "",
                HEADS[lang],
                "|---|---|---|",
            ]
            parts += [
                f"| `{c.id}` | {t(c.title)} | {c.source} |" for c in CHECKS if c.group == group
            ]
        return "\n".join(parts).strip()
    finally:
        set_language("en")


def with_table(text: str, lang: str) -> str:
    """Return a page with its table made new."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{table(lang)}\n\n{END}{tail}"


if __name__ == "__main__":
    for lang, page in PAGES.items():
        page.write_text(with_table(page.read_text("utf-8"), lang), "utf-8")
