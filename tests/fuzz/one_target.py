"""Fuzzes one target in this process, with libFuzzer's own arguments: python -m tests.fuzz.one_target TARGET [...]."""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> None:
    """Instruments ric, then runs until libFuzzer has had enough or a rule is broken."""
    import atheris

    with atheris.instrument_imports(include=["ric"]):
        from tests.fuzz.targets import TARGETS

    check = TARGETS[arguments[1]].check

    def test_one_input(data: bytes) -> None:
        check(data)

    atheris.Setup([arguments[0], *arguments[2:]], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
