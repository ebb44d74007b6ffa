"""Every link of a Markdown file in the repository leads somewhere, in the repository and on the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from types import ModuleType

import pytest

import ric
import ric.events
import ric.local
import ric.testing
from docs.links import anchors, headings, is_external, links, replace_links, repository_slug, site_slug
from tests.image import REPOSITORY

DOCS = sorted((REPOSITORY / "docs").rglob("*.md"))
PAGES = [*sorted(REPOSITORY.glob("*.md")), *DOCS]
NAMES = [page.relative_to(REPOSITORY).as_posix() for page in PAGES]

# Links out of the repository cannot be checked without the web, so each is listed here with what it is for.
EXTERNAL = {
    "https://keepachangelog.com/en/1.1.0/": "the form of the changelog",
}


@pytest.mark.parametrize("name", NAMES)
def test_links_and_anchors_exist(name: str) -> None:
    """A reader who follows a link arrives, whether the page is read in the repository or on the site."""
    page = REPOSITORY / name
    for target in links(page.read_text()):
        if is_external(target):
            assert target in EXTERNAL, f"{name}: {target} is not in the list of external links"
            continue
        path, _, fragment = target.partition("#")
        assert not path.startswith("/"), f"{name}: {target} is an absolute path"
        file = REPOSITORY / posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else page
        assert file.exists(), f"{name}: there is no {target}"
        assert file.is_relative_to(REPOSITORY), f"{name}: {target} leads out of the repository"
        if fragment:
            offered = anchors(file.read_text(), repository_slug) & anchors(file.read_text(), site_slug)
            assert fragment in offered, f"{name}: {target} names none of {sorted(offered)}"


def test_every_external_link_is_used() -> None:
    """The list of external links has no leftovers."""
    assert {target for page in PAGES for target in links(page.read_text()) if is_external(target)} == set(EXTERNAL)


@pytest.mark.parametrize("page", DOCS, ids=[page.name for page in DOCS])
def test_every_page_is_in_the_navigation(page: Path) -> None:
    """A page that nobody finds is not read."""
    navigation = (REPOSITORY / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    assert re.search(rf"[ :]{re.escape(page.relative_to(REPOSITORY / 'docs').as_posix())}$", navigation, re.MULTILINE)


@pytest.mark.parametrize("module", [ric, ric.testing, ric.local], ids=lambda module: module.__name__)
def test_the_api_reference_has_every_public_name(module: ModuleType) -> None:
    """What a package exports is on the page, once."""
    page = (REPOSITORY / "docs" / "reference" / "api.md").read_text()
    listed = re.findall(rf"^::: {re.escape(module.__name__)}\.(\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(module.__all__)


def test_what_the_api_reference_hides_is_there() -> None:
    """Names that are public in Python only, and no promise, are left out by their names, as long as they exist."""
    page = (REPOSITORY / "docs" / "reference" / "api.md").read_text()
    options = re.compile(r"^::: ric\.(\w+)\n    options:\n(?:      \w+: .*\n)*?      filters: (.*)$", re.MULTILINE)
    filtered = options.findall(page)
    hidden = {(owner, name) for owner, filters in filtered for name in re.findall(r'"!\^(\w+)\$"', filters)}
    assert {owner for owner, _ in hidden} == {"LambdaRuntimeClient", "StreamingResponse"}
    for owner, name in hidden:
        assert hasattr(getattr(ric, owner), name), f"{owner} has no {name} any more"


def test_the_wheel_is_called_what_the_pages_call_it() -> None:
    """A command that installs the wheel can be copied, also after the version has changed."""
    names = {name for page in PAGES for name in re.findall(r"\bric-\d[\w.]*-[\w-]+\.whl", page.read_text())}
    assert names == {f"ric-{ric.__version__}-py3-none-any.whl"}


def test_what_stands_in_code_is_no_link_and_no_heading() -> None:
    """Examples of Markdown, and array subscripts in code, are left alone."""
    page = "# A\n\n`[a](b)` [`c`](d#e) ![picture](f.svg)\n\n```\n# no heading\n[g](h)\n```\n<!-- [i](j) -->\n"
    assert list(links(page)) == ["d#e", "f.svg"]
    assert headings(page) == ["A"]
    assert replace_links(page, lambda target: "X").count("X") == 2


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Sharing memory: `RIC_PRELOAD`", "sharing-memory-ric_preload"),
        ("`ric dev`", "ric-dev"),
        ("What's [alike](a.md)?", "whats-alike"),
    ],
)
def test_anchors_are_those_of_code_hosts_and_of_the_site(heading: str, anchor: str) -> None:
    """Both ways of making an anchor give what the pages use."""
    page = f"## {heading}\n"
    assert anchors(page, repository_slug) == anchors(page, site_slug) == {anchor}
