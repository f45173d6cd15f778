"""The pages hang together."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.pages import PAGES, ROOT, anchor, without_blocks

LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every link inside the project names a file that exists, and a heading that it has."""
    for link in LINK.findall(without_blocks(page.read_text("utf-8"))):
        if link.startswith("https://"):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if fragment:
            headings = re.findall(r"^#+ (.*)$", without_blocks(target.read_text("utf-8")), re.MULTILINE)
            assert fragment in {anchor(heading) for heading in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_open_with_one_title(page):
    """A page has one heading of the first level, in its first line."""
    text = without_blocks(page.read_text("utf-8"))
    assert re.match(r"# \S", text)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1


def test_every_page_can_be_found():
    """The English README leads to every page of docs, the Chinese one to as many."""
    wanted = {page.relative_to(ROOT).as_posix() for page in PAGES if page.parent.name == "docs"}
    for readme in ("README.md", "README.zh-CN.md"):
        links = LINK.findall((ROOT / readme).read_text("utf-8"))
        linked = {link.partition("#")[0] for link in links}
        for link in sorted(linked):
            if link.startswith("docs/"):
                linked |= {
                    f"docs/{inner.partition('#')[0]}" for inner in LINK.findall((ROOT / link).read_text("utf-8"))
                }
        assert wanted <= linked, readme


def test_both_readmes_show_the_same_commands():
    """The snippets of the Chinese README are those of the English one; only comments in them are translated."""

    def snippets(name: str) -> list[str]:
        text = (ROOT / name).read_text("utf-8")
        found = re.findall(r"^```(?:bash|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        return [re.sub(r" *#.*", "", snippet) for snippet in found]

    assert snippets("README.md") == snippets("README.zh-CN.md")
    assert snippets("README.md")
