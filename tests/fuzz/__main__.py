"""python -m tests.fuzz: lets atheris look for inputs that break a rule, target by target.

What is found is kept in ``.cache/fuzz``: the corpora, from which the next run goes on, and inputs that broke a rule.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS, WORDS

_STATE = Path(".cache") / "fuzz"
# A single input that takes so long or so much is a finding.
_SECONDS_FOR_ONE = 10
_MEGABYTES = 1024
_MAX_INPUT_BYTES = 1024


def main(arguments: list[str] | None = None) -> int:
    """Runs the targets and prints a line for each; returns 1 if one of them broke a rule."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="time for each target")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers; 0 picks one")
    parser.add_argument("--input", type=Path, help="runs the target on this file alone, for example one that was kept")
    options = parser.parse_args(arguments)
    names = options.targets or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if options.input is not None:
        for name in names:
            TARGETS[name].check(options.input.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is not installed: it has wheels for CPython on x86-64 Linux only\n")
        return 2
    results = [_fuzz(name, options.seconds, options.seed) for name in names]
    return max(results)


def _fuzz(name: str, seconds: int, seed: int) -> int:
    corpus = _STATE / name
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        seeds, words = Path(directory, "seeds"), Path(directory, "words")
        seeds.mkdir()
        for number, data in enumerate(TARGETS[name].seeds):
            (seeds / str(number)).write_bytes(data)
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS))
        command = [
            *(sys.executable, "-m", "tests.fuzz.one_target", name, str(corpus), str(seeds)),
            *(f"-max_total_time={seconds}", f"-seed={seed}", f"-dict={words}", f"-max_len={_MAX_INPUT_BYTES}"),
            *(f"-timeout={_SECONDS_FOR_ONE}", f"-rss_limit_mb={_MEGABYTES}", f"-artifact_prefix={_STATE / name}-"),
            "-print_final_stats=1",
        ]
        start_s = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    executions = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    count = int(executions[1]) if executions else 0
    kept = sum(1 for _ in corpus.iterdir())
    took_s = time.monotonic() - start_s
    sys.stdout.write(f"{name:13} {count:9,} executions in {took_s:4.0f} s, {kept:5,} inputs kept\n")
    sys.stdout.flush()
    is_broken = done.returncode != 0 or count == 0
    if is_broken:
        sys.stderr.write(f"{done.stdout}{done.stderr[-6000:]}\n")
        sys.stderr.write(f"To see it again: python -m tests.fuzz {name} --input {_STATE}/{name}-...\n")
    return int(is_broken)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
