"""docs/handlers.md: the handlers that it shows do what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image import REPOSITORY, TIMEOUT_S, clean_environment
from tests.test_testing_docs import python_files

FILES = python_files((REPOSITORY / "docs" / "handlers.md").read_text())
PRELUDE_END = "\0" * 8

# Event, and the chunks that the handler sends, or its result.
EXPECTED: dict[str, tuple[object, object]] = {
    "app_words.py": ({"text": "one by one"}, ["one ", "by ", "one "]),
    "app_report.py": (
        {},
        [
            '{"statusCode": 200, "headers": {"Content-Type": "text/csv; charset=utf-8"}, '
            '"cookies": ["seen=1; HttpOnly"]}',
            PRELUDE_END,
            "id,name\n",
            *(f"{number},name {number}\n" for number in range(3)),
        ],
    ),
    "app_written.py": (
        {},
        [
            '{"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "cookies": []}',
            PRELUDE_END,
            "as in AWS's Node.js runtime, ",
            "piece by piece",
        ],
    ),
    "app_async.py": ({"keys": ["a", "b"]}, ['["A", "B"]']),
    "app_goodbye.py": ({}, ["null"]),
}
RUN = """
import json, sys
from ric.testing import invoke
results = [invoke(sys.argv[1], json.loads(sys.argv[2])) for _ in range(2)]
for result in results:
    result.raise_for_error()
print(json.dumps([[chunk.decode() for chunk in result.chunks] for result in results]))
"""


def test_every_block_is_tried() -> None:
    """There is no code in the guide that this file does not run."""
    assert FILES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_the_code_of_the_guide_works(name: str, tmp_path: Path) -> None:
    """A reader may copy a block, and it does in two invocations what the text says."""
    (tmp_path / name).write_text(FILES[name])
    event, chunks = EXPECTED[name]
    done = subprocess.run(
        [sys.executable, "-c", RUN, f"{Path(name).stem}.handler", json.dumps(event)],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [chunks, chunks]
