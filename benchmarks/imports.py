"""What a start imports before it asks for the first event, and how long each module takes (``-X importtime``)."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from benchmarks.api import BenchmarkApi
from benchmarks.contenders import Contender, end

_SHOWN = 12


def profile(contender: Contender) -> str:
    """Returns a Markdown table of the modules that take longest, own time in us, and the number of all."""
    python, *rest = contender.command
    api = BenchmarkApi()
    process = replace(contender, command=(python, "-X", "importtime", *rest)).start(
        api, "app.echo", errors=subprocess.PIPE
    )
    try:
        api.receive()
    finally:
        end(process)
        api.close()
    assert process.stderr is not None
    with process.stderr:
        lines = [
            line.split("|") for line in process.stderr.read().decode().splitlines() if line.startswith("import time:")
        ]
    modules = [
        (int(own.rpartition(":")[2]), name.strip())
        for own, _, name in lines
        if own.rpartition(":")[2].strip().isdigit()
    ]
    table = [f"| {name} | {own} |" for own, name in sorted(modules, reverse=True)[:_SHOWN]]
    total = sum(own for own, _ in modules)
    return "\n".join(
        [
            f"### Imports of {contender.name}\n",
            f"{len(modules)} modules, {total} us in all.\n",
            "| module | us |",
            "|---|---|",
            *table,
            "",
        ]
    )
