"""The tests; a package, so that ``python -m tests.parity`` runs and test files can share what ``fetch`` offers."""
