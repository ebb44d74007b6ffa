"""``python -m tests.faults``: tries each fault on ric and on the official client, and writes the tables of the docs."""

from __future__ import annotations

import argparse
import sys

from ..fetch import official_unavailable_reason
from ..plain_start import start_plainly
from .judge import is_good
from .observe import RIC, official_client
from .sections import FATAL, SECTIONS
from .tables import DOCUMENT, write_tables
from .trying import outcomes


def main() -> int:
    """Tries the faults; returns 1 if one did not end for ric as it should, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="only faults whose section or name contains this")
    parser.add_argument("--write", action="store_true", help=f"put the tables into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    start_plainly()
    official = official_client()
    if official is None:
        sys.stdout.write(f"ric alone: {official_unavailable_reason()}\n")
    clients = [RIC] if official is None else [RIC, official]
    names = [client.name for client in clients]
    chosen = {
        f"{section.title}: {fault.name}": fault
        for section in (*SECTIONS, FATAL)
        for fault in section.faults
        if options.k in f"{section.title}: {fault.name}"
    }
    found = {}
    failed = 0
    with outcomes((client, fault) for fault in chosen.values() for client in clients) as futures:
        for name, fault in chosen.items():
            found.update({(client, id(fault)): futures[client, id(fault)].result() for client in names})
            is_well = is_good(fault, found[RIC.name, id(fault)])
            failed += not is_well
            shown = "; ".join(f"{client}: {found[client, id(fault)]}" for client in names)
            sys.stdout.write(f"{'ok    ' if is_well else 'FAILED'}  {name}\n        {shown}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - failed} of {len(chosen)} ended for ric as they should, {failed} did not\n")
    if options.write:
        write_tables(SECTIONS, FATAL, found, names)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
