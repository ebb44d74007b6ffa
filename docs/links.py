"""The links of a Markdown page, and the anchors that it offers; for the site and for the tests.

What stands in code, in a block or in a line, is no link and no heading.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator

_FENCED = re.compile(r"^( *)(`{3,}|~{3,}).*?^ *\2`*~* *$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IN_LINE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?P<before>!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\()(?P<target>[^()\s]+)(?=[\s)])")
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)? *$", re.MULTILINE)
_WORDS = re.compile(r"\[([^\[\]]*)\]\([^()]*\)|[`*]|(?<!\w)_|_(?!\w)|<[^<>]*>")


def links(markdown: str) -> Iterator[str]:
    """Yields the target of each link and picture, as it is written."""
    for found in _LINK.finditer(_without_code(markdown)):
        yield found["target"]


def replace_links(markdown: str, replacement: Callable[[str], str]) -> str:
    """Returns the page with each target replaced.

    Args:
        markdown: The page.
        replacement: Gets a target and returns the one to be written.
    """
    parts, end = [], 0
    for found in _LINK.finditer(_without_code(markdown)):
        start, stop = found.span("target")
        parts += [markdown[end:start], replacement(found["target"])]
        end = stop
    return "".join([*parts, markdown[end:]])


def is_external(target: str) -> bool:
    """Whether a link leads out of the repository."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", target) is not None


def headings(markdown: str) -> list[str]:
    """Returns the texts of the headings, without the marks of emphasis, code and links."""
    blank = _FENCED.sub(_blank, _COMMENT.sub(_blank, markdown))
    return [html.unescape(_WORDS.sub(r"\1", heading)).strip() for heading in _HEADING.findall(blank)]


def anchors(markdown: str, slug: Callable[[str], str]) -> set[str]:
    """Returns the anchors of a page's headings, for one way of making them.

    Args:
        markdown: The page.
        slug: ``repository_slug`` or ``site_slug``.
    """
    taken: set[str] = set()
    separator = "-" if slug is repository_slug else "_"
    for heading in headings(markdown):
        anchor, number = slug(heading), 0
        while (candidate := f"{anchor}{separator}{number}" if number else anchor) in taken:
            number += 1
        taken.add(candidate)
    return taken


def repository_slug(heading: str) -> str:
    """Returns the anchor that code hosts make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def site_slug(heading: str) -> str:
    """Returns the anchor that Python-Markdown makes of a heading."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading.encode("ascii", "ignore").decode()).strip().lower())


def _without_code(markdown: str) -> str:
    """Returns the page with blanks for code and comments, each as long as what it replaces."""
    for pattern in (_FENCED, _COMMENT, _IN_LINE):
        markdown = pattern.sub(_blank, markdown)
    return markdown


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
