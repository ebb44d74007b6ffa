"""Which changes start the function again: ``.gitignore`` as git understands it, and the watch itself."""

from __future__ import annotations

import queue
import shutil
import subprocess
from pathlib import Path

import pytest

from ric.cli.gitignore import GitIgnore
from ric.cli.reload import Watcher
from tests.local_server import TIMEOUT_SECONDS, clean_environment

# A dot stands for a blank, which would not be seen at the end of a line, in names that begin with "blank".
IGNORE_FILES = {
    ".gitignore": r"""
# comment
*.log
!important.log
build/
/only-top.py
docs/*.html
**/deep.py
a/**/z.py
logs/**
\#hash.py
\!bang.py
blank-kept\.
blank-dropped...
f[ab]o.py
f[!ab]x.py
que?tion.py
name
sub/dir/
/anchored/
*.d/
foo**bar.py
[]-]x.py
[
x[
""".replace("\\.", "\\ ").replace("...", "   "),
    "sub/.gitignore": "!kept.log\nlocal.py\n/here.py\n",
}

PATHS = [
    *("x.log", "important.log", "sub/kept.log", "sub/other.log", "sub/important.log", "app.py", "x[", "["),
    *("build/x.py", "sub/build/y.py", "build", "build/important.log", "only-top.py", "sub/only-top.py"),
    *("docs/a.html", "docs/b/a.html", "sub/docs/a.html", "deep.py", "q/w/deep.py"),
    *("a/z.py", "a/b/z.py", "a/b/c/z.py", "b/z.py", "logs/x", "logs/y/z.py", "sub/logs/x"),
    *("#hash.py", "!bang.py", "blank-kept ", "blank-kept", "blank-dropped", "blank-dropped   "),
    *("fao.py", "fbo.py", "fco.py", "fax.py", "fcx.py", "question.py", "]x.py", "-x.py"),
    *("name", "name2", "sub/name/x.py", "sub/dir/x.py", "q/sub/dir/x.py", "anchored/x.py", "sub/anchored/x.py"),
    *("conf.d/x.py", "conf.d", "foobar.py", "fooXbar.py", "foo/bar.py"),
    *("sub/local.py", "sub/q/local.py", "local.py", "sub/here.py", "sub/q/here.py"),
]


def write(directory: Path, name: str, text: str) -> None:
    """Writes a file, with the directories above it."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.skipif(not shutil.which("git"), reason="git itself says what is right")
def test_ignored_is_what_git_ignores(tmp_path: Path) -> None:
    """Every path is judged as by ``git check-ignore``, patterns of all kinds, nested files and exceptions included."""
    for name, text in IGNORE_FILES.items():
        write(tmp_path, name, text)
    git = ["git", "-c", "core.excludesFile=/dev/null"]
    environment = clean_environment({"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path)})
    subprocess.run([*git, "init", "--quiet"], cwd=tmp_path, env=environment, check=True)
    verdicts = subprocess.run(
        [*git, "check-ignore", "--stdin", "-z", "--no-index"],
        cwd=tmp_path,
        env=environment,
        input="\0".join(PATHS),
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\0")[:-1]

    rules = GitIgnore(tmp_path)

    assert len(verdicts) > 20
    assert [path for path in PATHS if rules.ignores(tmp_path / path)] == [path for path in PATHS if path in verdicts]


def test_rules_above_the_directory_count_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    """A function in a folder of a repository is watched by the rules of the whole repository, and no others."""
    write(tmp_path, ".gitignore", "*.py\n")
    write(tmp_path, "repository/.git/config", "")
    write(tmp_path, "repository/.gitignore", "generated.py\n")
    function = tmp_path / "repository" / "function"
    function.mkdir()

    rules = GitIgnore(function)

    assert rules.ignores(function / "generated.py")
    assert not rules.ignores(function / "app.py")


def test_a_changed_gitignore_counts_at_once(tmp_path: Path) -> None:
    """Whoever adds a pattern because of a reload sees it work without a restart."""
    rules = GitIgnore(tmp_path)
    assert not rules.ignores(tmp_path / "x.py")

    write(tmp_path, ".gitignore", "x.py\n")

    assert rules.ignores(tmp_path / "x.py")


def test_changes_of_the_project_are_told_and_others_are_not(tmp_path: Path) -> None:
    """Code and configuration count; caches, virtual environments, drafts, outputs and ignored files do not."""
    write(tmp_path, ".gitignore", "generated/\n")
    for directory in ("__pycache__", ".venv/lib", "generated", "package"):
        (tmp_path / directory).mkdir(parents=True)
    changes: queue.SimpleQueue[list[Path]] = queue.SimpleQueue()
    failures: list[str] = []
    watcher = Watcher(tmp_path, changes.put, failures.append)
    try:
        watcher.wait_until_watching()
        for name in (
            "__pycache__/app.py",
            ".venv/lib/x.py",
            "generated/x.py",
            ".#app.py",
            "app.py~",
            "out.txt",
            "a.pyc",
        ):
            write(tmp_path, name, "changed")
        write(tmp_path, "package/app.py", "changed")
        told = changes.get(timeout=TIMEOUT_SECONDS)
        write(tmp_path, "template.yaml", "changed")
        told += changes.get(timeout=TIMEOUT_SECONDS)
    finally:
        watcher.close()

    assert set(told) == {Path("package/app.py"), Path("template.yaml")}
    assert failures == []


def test_a_directory_that_cannot_be_watched_is_told(tmp_path: Path) -> None:
    """Serving goes on without reload, and somebody says so."""
    failures: queue.SimpleQueue[str] = queue.SimpleQueue()
    watcher = Watcher(tmp_path / "missing", lambda _: None, failures.put)
    try:
        watcher.wait_until_watching()
        assert failures.get(timeout=TIMEOUT_SECONDS)
    finally:
        watcher.close()
