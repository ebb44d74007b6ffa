"""docs/how-to/switch.md: the comparison of both clients, which needs AWS's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.doc_blocks import blocks
from tests.doc_session import follow
from tests.fetch import official_python, official_unavailable_reason
from tests.image import REPOSITORY

PAGE = (REPOSITORY / "docs/how-to/switch.md").read_text()


def test_both_clients_answer_the_same(tmp_path: Path) -> None:
    """Who does what the page says finds no difference."""
    python = official_python()
    if python is None:
        pytest.skip(official_unavailable_reason())
    (tmp_path / "aws").symlink_to(python.parent.parent)
    found = blocks(PAGE)
    compared = [replace(block, not_run="") for block in found if "tests/test_docs_switch.py" in block.not_run]
    assert len(compared) == 3
    follow([*(block for block in found if block.file == "app.py"), *compared], tmp_path)
