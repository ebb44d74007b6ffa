"""What the pages show works: programs run, commands show what they say, files are good for something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doc_blocks import blocks
from tests.doc_session import follow
from tests.image import REPOSITORY

DOCS = REPOSITORY / "docs"
README = "../README.md"
PAGES = {page.relative_to(DOCS).as_posix(): blocks(page.read_text()) for page in sorted(DOCS.rglob("*.md"))}
PAGES[README] = blocks((DOCS / README).read_text())

# Pages whose Python has tests of its own, which say more of it.
TESTED_ELSEWHERE = {"handlers.md": "test_handlers_docs.py", "testing.md": "test_testing_docs.py"}

# How many blocks are only shown, each with its reason in the page.
NOT_RUN = {
    README: 3,
    "benchmarks.md": 1,
    "command.md": 2,
    "how-to/builds.md": 7,
    "how-to/debug.md": 5,
    "how-to/images.md": 7,
    "how-to/log.md": 1,
    "how-to/managed-instances.md": 2,
    "how-to/snapstart.md": 1,
    "how-to/stream-a-chat-model.md": 3,
    "how-to/switch.md": 10,
    "how-to/web-frameworks.md": 5,
    "how-to/wrappers.md": 7,
    "index.md": 1,
    "tutorial.md": 9,
}

WITH_BLOCKS = [name for name, found in PAGES.items() if found]


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_a_reader_can_follow_the_page(name: str, tmp_path: Path) -> None:
    """A reader who does what the page says, from top to bottom, gets what it says."""
    follow([block for block in PAGES[name] if not (name in TESTED_ELSEWHERE and block.language == "python")], tmp_path)


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_what_is_only_shown_is_known(name: str) -> None:
    """A block is run unless the page says why not, and this file how many such there are."""
    reasons = [block.not_run for block in PAGES[name] if block.not_run]
    assert all(len(reason.split()) >= 3 for reason in reasons), reasons
    assert len(reasons) == NOT_RUN.get(name, 0), reasons


def test_no_page_is_listed_that_does_not_exist() -> None:
    """The tables of this file have no leftovers."""
    assert set(NOT_RUN) | set(TESTED_ELSEWHERE) <= set(PAGES)
    for name, test in TESTED_ELSEWHERE.items():
        assert name in (REPOSITORY / "tests" / test).read_text()
