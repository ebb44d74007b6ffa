"""The tests of the documentation notice what does not work: tests/doc_blocks.py and tests/doc_session.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doc_blocks import blocks
from tests.doc_session import follow

HANDLER = "```python\n# app.py\ndef handler(event, context):\n    return event\n```\n"
WORKING = {
    "a session": "```console\n$ echo one; echo two\none\n...\n```\n",
    "an exit code": "<!-- exits: 3 -->\n```console\n$ true\n$ (exit 3)\n```\n",
    "an invocation": "<!-- invoke: [1] returns: [1] -->\n" + HANDLER,
    "a test": HANDLER
    + "```python\n# test_app.py\nimport app\n\n\ndef test_it():\n    assert app.handler(1, None) == 1\n```\n",
    "an image": HANDLER
    + '<!-- file: Dockerfile -->\n```dockerfile\nFROM base\nCOPY app.py .\nCMD ["app.handler"]\n```\n',
    "something that goes on": "<!-- until: 8080 -->\n```console\n$ bash -c 'echo 8080; sleep 60'\n```\n",
    "an edit": HANDLER
    + "<!-- change: app.py: return event -> return 1 -->\n```console\n$ tail -n 1 app.py\n    return 1\n```\n",
    "in a list": "* such as\n\n    ```python\n    print(1)\n    ```\n",
    "shown only": "<!-- not run: for a reason -->\n```sh\nfalse\n```\n",
}
BROKEN = {
    "another output": "```console\n$ echo one\ntwo\n```\n",
    "less output": "```console\n$ echo one\n```\n",
    "a command that fails": "```console\n$ false\n$ true\n```\n",
    "a script that fails": "```sh\nfalse\ntrue\n```\n",
    "a program that fails": "```python\n1 / 0\n```\n",
    "a handler that nobody invokes": HANDLER,
    "another result": "<!-- invoke: [1] returns: [2] -->\n" + HANDLER,
    "a test that fails": "```python\n# test_app.py\ndef test_it():\n    assert False\n```\n",
    "an image of files that are not there": "<!-- file: Dockerfile -->\n```dockerfile\nFROM base\nCOPY app.py .\n```\n",
    "an image of a handler that is not there": HANDLER
    + '<!-- file: Dockerfile -->\n```dockerfile\nFROM base\nCOPY app.py .\nCMD ["app.handle"]\n```\n',
    "an edit of what is not there": HANDLER
    + "<!-- change: app.py: events -> None -->\n```console\n$ tail -n 1 app.py\n...\n```\n",
    "no language": "```\nls\n```\n",
    "a language that nobody runs": "```perl\nprint 1\n```\n",
    "JSON that is none": "```json\n{\n```\n",
    "a command that ends too early": "<!-- until: 8080 -->\n```console\n$ echo 80\n```\n",
}


@pytest.mark.parametrize("page", WORKING.values(), ids=WORKING)
def test_what_works_is_accepted(page: str, tmp_path: Path) -> None:
    """Each kind of block can be followed."""
    assert len(blocks(page)) == page.count("```") // 2
    follow(blocks(page), tmp_path)


@pytest.mark.parametrize("page", BROKEN.values(), ids=BROKEN)
def test_what_does_not_work_is_noticed(page: str, tmp_path: Path) -> None:
    """A page that shows what does not work, or that is not known to work, fails."""
    with pytest.raises(AssertionError if "json" not in page else ValueError):
        follow(blocks(page), tmp_path)


def test_a_comment_that_nobody_understands_is_refused() -> None:
    """A slip in a comment does not make a block go untested."""
    with pytest.raises(ValueError, match="line 2: nobody knows what"):
        blocks("<!-- no run: for a reason -->\n```sh\nfalse\n```\n")
    with pytest.raises(ValueError, match=r"line 2: 'app\.py' does not say what to change"):
        blocks("<!-- change: app.py -->\n```sh\nfalse\n```\n")
