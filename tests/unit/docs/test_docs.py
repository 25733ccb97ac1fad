"""What the public face promises is there: links, both languages, the field tables, the verbs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
ONE_LANGUAGE = {"architecture.md"}
"""For those who work on the code: English alone."""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing = [t for t in targets if not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_link_is_broken_by_full_width_brackets(page: Path) -> None:
    assert not re.findall(r"\]（[^）\n]*\.(?:md|svg|txt)", page.read_text(encoding="utf-8"))


def test_every_page_is_there_in_both_languages() -> None:
    names = {page.name for page in PAGES}
    english = {n for n in names if ".zh-CN." not in n} - ONE_LANGUAGE
    chinese = {n.replace(".zh-CN.", ".") for n in names if ".zh-CN." in n}
    assert english == chinese


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_anchors_are_headings(page: Path) -> None:
    for name, anchor in re.findall(
        r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")
    ):
        target = page.parent / name if name else page
        heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
        slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
        assert anchor in slugs, (name, anchor)


@pytest.mark.parametrize("name", ["profile", "command"])
@pytest.mark.parametrize("lang", ["en", "zh_CN"])
def test_generated_pages_are_current(name: str, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    tool = importlib.import_module(f"make_{name}_doc")
    file = f"{'commands' if name == 'command' else name}{'.zh-CN' if lang == 'zh_CN' else ''}.md"
    current = (ROOT / "docs" / file).read_text(encoding="utf-8")
    assert current == tool.page(lang), f"run tools/make_{name}_doc.py"


def test_the_readme_names_the_two_commands_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("README.md", "README.zh-CN.md"):
        readme = (ROOT / name).read_text(encoding="utf-8")
        for target in ("demo", "test"):
            assert f"\nmake {target} " in readme
        for page in (name, f"docs/{name.replace('README', 'development')}"):
            words = (ROOT / page).read_text(encoding="utf-8")
            for target in re.findall(r"(?:^|`)make ([a-z-]+)", words, re.M):
                assert re.search(rf"^{target}:", makefile, re.M), (page, target)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_profile_in_the_readme_holds(name: str) -> None:
    from glm47_tui.profile import loads

    text = (ROOT / name).read_text(encoding="utf-8")
    block = re.search(r"```toml\n(.*?)```", text, re.S)
    assert block is not None
    assert loads(block[1]).name == "atlas-pair"


def test_nothing_of_a_machine_or_a_registry_stands_in_the_tree() -> None:
    """Names of hosts that packages come from, and folders of one machine, belong to no commit."""
    hosts = (
        "pypi" + ".org",
        "files.python" + "hosted",
        "registry.npm" + "js",
        "deb.debian" + ".org",
    )
    found = []
    for folder in ("src", "assets", "tests", "docs", "scripts", "tools", "bench", ".ci"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and file.suffix not in (".pyc", ".svg", ".gz"):
                text = file.read_text(encoding="utf-8", errors="ignore")
                found += [f"{file.name}: {h}" for h in hosts if h in text]
    assert not found
