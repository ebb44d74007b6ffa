"""ric, the official client and other loops side by side: ``python -m benchmarks`` (see docs/benchmarks.md)."""
