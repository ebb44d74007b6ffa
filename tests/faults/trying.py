"""Tries many faults, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from .judge import judge
from .model import PATIENCE_LIMIT_S, Fault, Outcome
from .observe import Client, observe

_AT_ONCE = 3
_PATIENT_AT_ONCE = 8

Attempt = tuple[Client, Fault]


@contextmanager
def outcomes(attempts: Iterable[Attempt]) -> Iterator[dict[tuple[str, int], Future[Outcome]]]:
    """Begins to try faults on clients.

    Returns:
        What becomes of each, by the client's name and the identity of the fault. At the end of the context what has not
        begun is given up.
    """
    # Those that wait for a server which does not come take no time of the processor, so they do not stand in line.
    with ThreadPoolExecutor(_AT_ONCE) as pool, ThreadPoolExecutor(_PATIENT_AT_ONCE) as patient_pool:
        futures = {}
        for client, fault in attempts:
            chosen = patient_pool if fault.limit_s == PATIENCE_LIMIT_S else pool
            futures[client.name, id(fault)] = chosen.submit(lambda c=client, f=fault: judge(f, observe(c, f)))
        try:
            yield futures
        finally:
            pool.shutdown(cancel_futures=True)
            patient_pool.shutdown(cancel_futures=True)
