"""A function in an image: the entry point in /var/runtime, the function in /var/task, its packages in /opt/python.

The layers of OpenTelemetry and Datadog have theirs there too. The interpreter itself has the runtime and no packages.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.image import PYTHON_VERSION, private_image
from tests.parity.server import ScriptedAnswer

from .environments import Runtime, packages_python, python_with
from .running import FUNCTIONS, Function, Seen, observe


def run_in_image(runtime: Runtime, function: Function, script: Iterable[ScriptedAnswer], directory: Path) -> Seen:
    """Runs a function on one runtime, started as in an image.

    Args:
        runtime: Which one.
        function: What it runs.
        script: The invocations.
        directory: Where the image is made.
    """
    image = directory / "image"
    shutil.copytree(runtime.entry_point, image / "var" / "runtime")
    shutil.copytree(FUNCTIONS / function.directory, image / "var" / "task")
    layer = image / "opt" / "python" / "lib" / f"python{PYTHON_VERSION}"
    layer.mkdir(parents=True)
    (site_packages,) = packages_python(function.packages).parent.parent.glob("lib/python*/site-packages")
    (layer / "site-packages").symlink_to(site_packages)
    python = python_with(runtime, directory / "interpreter")
    command = private_image(image, ["/var/runtime/bootstrap", function.handler])
    return observe(runtime, function, command, directory, script, {"RIC_PYTHON": str(python)})
