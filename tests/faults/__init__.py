"""Faults of the Runtime API and hostile handlers, tried on ric and the official client, judged by the same rules."""
