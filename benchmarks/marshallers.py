"""The default marshaller and OrjsonMarshaller on 1 MB of JSON: ``python benchmarks/marshallers.py [SECONDS]``.

Both decode the same event and encode the same result in turns; encoding includes what the client does to a text, which
is to make bytes of it. A document is made of records such as an API returns; in the second case each has a Decimal.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ric import Marshaller, OrjsonMarshaller
from ric.api.marshal import LambdaMarshaller, encode_json

SECONDS = 12.0
DOCUMENT_BYTES = 1_000_000
JSON = "application/json"


def document(price: Callable[[int], object]) -> list[dict[str, Any]]:
    """Returns records whose JSON text is about 1 MB long."""
    records: list[dict[str, Any]] = []
    size = 0
    while size < DOCUMENT_BYTES:
        number = len(records)
        records.append(
            {
                "id": number,
                "name": f"Record number {number}, na\u00efve",
                "price": price(number),
                "tags": ["alpha", "beta", "gamma"],
                "active": number % 3 == 0,
                "owner": {"email": f"user{number}@example.com", "score": number / 7},
                "note": None,
            }
        )
        size += len(json.dumps(records[-1], default=str)) + 2
    return records


def duration_ms(call: Callable[[], object]) -> float:
    """Returns how long the call takes, in ms."""
    start_ns = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start_ns) / 1e6


def measure(cases: dict[str, dict[str, Callable[[], object]]], seconds: float) -> None:
    """Runs the calls of each case in turns for its share of the time, and prints their medians."""
    for title, calls in cases.items():
        taken: dict[str, list[float]] = {name: [] for name in calls}
        end_s = time.monotonic() + seconds / len(cases)
        while time.monotonic() < end_s:
            for name, call in calls.items():
                taken[name].append(duration_ms(call))
        default, orjson = median(taken["default"]), median(taken["orjson"])
        sys.stdout.write(
            f"{title:<28} default {default:6.2f} ms, orjson {orjson:6.2f} ms, "
            f"{orjson / default:.2f} times, {len(taken['orjson'])} runs each\n"
        )


def main() -> None:
    """Prints a line for decoding and for encoding each document."""
    marshallers: dict[str, Marshaller] = {"default": LambdaMarshaller(), "orjson": OrjsonMarshaller()}
    plain = document(lambda number: number * 1.25)
    event = json.dumps(plain, ensure_ascii=False).encode()
    results = {"encode": plain, "encode, with Decimals": document(lambda number: Decimal(number) / 8)}

    def decoder(marshaller: Marshaller) -> Callable[[], object]:
        return lambda: marshaller.unmarshal_request(event, JSON)

    def encoder(marshaller: Marshaller, result: object) -> Callable[[], object]:
        return lambda: encode_json(marshaller.marshal_response(result)[0])

    cases = {"decode": {name: decoder(marshaller) for name, marshaller in marshallers.items()}}
    for title, result in results.items():
        cases[title] = {name: encoder(marshaller, result) for name, marshaller in marshallers.items()}
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    measure({f"{title}, {len(event) / 1e6:.2f} MB": calls for title, calls in cases.items()}, seconds)


if __name__ == "__main__":
    main()
