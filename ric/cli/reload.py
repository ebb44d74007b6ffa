"""Tells when a file of the project changed.

Counted are code, templates and configuration, by the ends of their names: a function may write other files itself, and
must not be started again for that. Not counted is what ``.gitignore`` ignores, and what tools leave behind.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change, watch

from ric.cli.gitignore import GitIgnore

if TYPE_CHECKING:
    from collections.abc import Callable

_IGNORED_DIRECTORIES = {
    *("__pycache__", ".venv", "venv", "node_modules", "site-packages", ".git", ".hg", ".svn", ".idea", ".vscode"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".aws-sam"),
}
_RELEVANT_SUFFIXES = {
    *(".py", ".pyi", ".pyx", ".so"),
    *(".json", ".toml", ".yaml", ".yml", ".ini", ".cfg"),
    *(".html", ".jinja", ".jinja2", ".j2", ".mustache", ".css", ".js", ".sql", ".graphql"),
}
# .#app.py and the like: locks and drafts of editors.
_DRAFT_PREFIXES = (".#", "#")
# Editors write a file in several steps; what belongs together arrives within this time, and a person does not wait.
_STEP_MS = 50
_DEBOUNCE_MS = 400
# How long a look takes when nothing happens; the first one that ends shows that the watch is in place.
_LOOK_MS = 200


class Watcher:
    """Watches a directory from a thread of its own, until it is closed.

    Args:
        directory: What to watch, with all below it.
        on_change: Called from the thread with the changed files, relative to the directory, sorted.
        on_failure: Called from the thread, as the last thing, if the directory cannot be watched; with the reason.
    """

    def __init__(
        self, directory: Path, on_change: Callable[[list[Path]], None], on_failure: Callable[[str], None]
    ) -> None:
        self._directory = directory.resolve()
        self._git_ignore = GitIgnore(self._directory)
        self._on_change = on_change
        self._on_failure = on_failure
        self._settled = threading.Event()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ric-reload", daemon=True)
        self._thread.start()

    def wait_until_watching(self) -> None:
        """Returns when every later change will be seen, or when it is known that none will."""
        self._settled.wait()

    def close(self) -> None:
        """Ends the watch and waits for its thread, which must not outlive the interpreter."""
        self._is_closed.set()
        self._thread.join()

    def is_relevant(self, path: Path) -> bool:
        """Whether a change of this file, an absolute path below the directory, is one of the project."""
        relative = path.relative_to(self._directory)
        if relative.suffix not in _RELEVANT_SUFFIXES or relative.name.startswith(_DRAFT_PREFIXES):
            return False
        return not _IGNORED_DIRECTORIES.intersection(relative.parts) and not self._git_ignore.ignores(path)

    def _watch(self) -> None:
        try:
            for changes in watch(
                self._directory,
                watch_filter=self._accepts,
                step=_STEP_MS,
                debounce=_DEBOUNCE_MS,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                stop_event=self._is_closed,
            ):
                self._settled.set()
                if changes:
                    self._on_change(sorted({Path(path).relative_to(self._directory) for _, path in changes}))
        except (OSError, RuntimeError) as error:
            # Out of watches, for example: the function is served all the same.
            self._on_failure(str(error))
        finally:
            self._settled.set()

    def _accepts(self, change: Change, path: str) -> bool:
        self._settled.set()
        return self.is_relevant(Path(path))
