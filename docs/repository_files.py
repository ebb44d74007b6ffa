"""A hook of MkDocs: files of the repository outside ``docs/`` get pages, so that links to them work on the site too.

A page links to such a file as it has to in the repository, ``../examples/hello/app.py``. On the site that is the page
``repository/examples/hello/app.py.html``, which shows the file; a Markdown file is rendered. The page of a directory is
its README and all its files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from docs.links import is_external, links, replace_links

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = "docs"
PAGES = "repository"
_LANGUAGES = {".py": "python", ".html": "html", ".json": "json", ".toml": "toml", ".sh": "sh", ".yml": "yaml"}
_FENCE = "`" * 5


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each file or directory outside ``docs/`` that some page links to."""
    waiting = [(page.src_uri, page.content_string) for page in files.documentation_pages()]
    known: set[str] = set()
    while waiting:
        uri, markdown = waiting.pop()
        for path in sorted({path for path, _ in _linked_paths(uri, markdown)} - known):
            known.add(path)
            page = File.generated(config, _page_uri(path), content=_shown(REPOSITORY / path))
            page.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(page)
            waiting.append((page.src_uri, page.content_string))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points links that lead out of ``docs/`` to the pages made above, and links of those pages back into it."""
    uri = page.file.src_uri
    pages = dict(_link_replacements(uri, markdown))
    return replace_links(markdown, lambda target: pages.get(target, target))


def _link_replacements(uri: str, markdown: str) -> Iterator[tuple[str, str]]:
    here = posixpath.dirname(uri)
    for path, target in _linked_paths(uri, markdown):
        fragment = target.partition("#")[2]
        yield target, posixpath.relpath(_page_uri(path), here) + (f"#{fragment}" if fragment else "")
    for target in links(markdown) if uri.startswith(f"{PAGES}/") else ():
        path = _repository_path(uri, target)
        if path and path.startswith(f"{DOCS}/"):
            yield target, posixpath.relpath(_repository_path(uri, target, keep_fragment=True)[len(DOCS) + 1 :], here)


def _linked_paths(uri: str, markdown: str) -> Iterator[tuple[str, str]]:
    """Yields, for each link to something that exists outside ``docs/``, its path in the repository and the link."""
    for target in links(markdown):
        path = _repository_path(uri, target)
        if path and not path.startswith((f"{DOCS}/", "../")) and (REPOSITORY / path).exists():
            yield path, target


def _repository_path(uri: str, target: str, *, keep_fragment: bool = False) -> str:
    """Returns the path in the repository that a link of a page leads to, "" for links elsewhere."""
    if is_external(target) or target.startswith("#"):
        return ""
    if not keep_fragment:
        target = target.partition("#")[0]
    source = uri[len(PAGES) + 1 :] if uri.startswith(f"{PAGES}/") else f"{DOCS}/{uri}"
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _page_uri(path: str) -> str:
    if (REPOSITORY / path).is_dir():
        return f"{PAGES}/{path}/index.md"
    return f"{PAGES}/{path}" if path.endswith(".md") else f"{PAGES}/{path}.md"


def _shown(path: Path) -> str:
    """Returns the Markdown that shows a file, or all the files of a directory."""
    if path.suffix == ".md":
        return path.read_text()
    name = path.relative_to(REPOSITORY).as_posix()
    if path.is_file():
        return f"# {name}\n\n{_code(path)}"
    readme = path / "README.md"
    parts = [readme.read_text() if readme.exists() else f"# {name}/\n"]
    for file in sorted(path.rglob("*")):
        is_hidden = any(part.startswith((".", "__pycache__")) for part in file.relative_to(path).parts)
        if file.is_file() and file != readme and not is_hidden:
            parts.append(f"## {file.relative_to(path).as_posix()}\n\n{_code(file)}")
    return "\n".join(parts)


def _code(path: Path) -> str:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return f"{path.stat().st_size} bytes that are no text.\n"
    language = "dockerfile" if path.name.startswith("Dockerfile") else _LANGUAGES.get(path.suffix, "text")
    return f"{_FENCE}{language}\n{text.rstrip()}\n{_FENCE}\n"
