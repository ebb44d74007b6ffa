"""``python -m docs.check_site DIRECTORY``: whether the built site holds together and loads nothing from the web.

Every link, picture, script and style sheet of every page has to be there, with its anchor. Pages may link to other
sites, and these links are listed, but nothing may be loaded from one.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADING = {"script", "img", "link", "iframe", "source", "object", "embed", "audio", "video"}
# Links of the page's head that describe it and load nothing.
_DESCRIBING = {"canonical", "prev", "next"}


class PageContents(HTMLParser):
    """What a page offers and what it asks for.

    Attributes:
        anchors: What a fragment may name.
        loaded: Addresses that the browser fetches with the page.
        linked: Addresses that a reader may follow.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects from one element."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        for name in ("href", "src"):
            if name in found:
                loads = tag in _LOADING and found.get("rel") not in _DESCRIBING
                (self.loaded if loads else self.linked).append(found[name])


def main(arguments: list[str]) -> int:
    """Returns the exit code: 1 if something is wrong."""
    site = Path(arguments[0]).resolve()
    # The page for addresses that do not exist is shown at any depth, so its links are absolute.
    pages = {path: PageContents(path.read_text()) for path in site.rglob("*.html") if path.name != "404.html"}
    wrong: list[str] = []
    external: set[str] = set()
    for path, page in pages.items():
        for address in [*page.loaded, *page.linked]:
            if urlsplit(address).scheme in ("http", "https"):
                external.add(address)
                if address in page.loaded:
                    wrong.append(f"{path.relative_to(site)} loads {address}")
            elif reason := _why_it_leads_nowhere(path, address, pages):
                wrong.append(f"{path.relative_to(site)} links to {address}: {reason}")
    print(f"{len(pages)} pages; links to other sites: {' '.join(sorted(external)) or 'none'}")
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong or not pages else 0


def _why_it_leads_nowhere(path: Path, address: str, pages: dict[Path, PageContents]) -> str:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in ("mailto", "data") else "neither here nor a web address"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file() and not (target / "index.html").is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such anchor"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
