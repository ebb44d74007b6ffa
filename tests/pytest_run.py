"""Runs of pytest in a process of its own, for tests of what the plugin offers to others."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.image import REPOSITORY, TIMEOUT_S, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = ("-p", "ric.testing.plugin")


def run_pytest(directory: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a directory, without the plugins that happen to be installed, warnings being errors."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "--rootdir", ".", *options],
        cwd=directory,
        env=clean_environment(
            **{
                "PYTHONPATH": str(REPOSITORY),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                **variables,
            }
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    # Decoded here, because text mode would turn carriage returns into line feeds.
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def outcomes(done: subprocess.CompletedProcess[str]) -> str:
    """Return the counts of the last line, such as ``1 failed, 2 passed``."""
    return done.stdout.strip().splitlines()[-1].strip("= ").rpartition(" in ")[0]
