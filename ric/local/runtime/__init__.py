"""The side that runtimes see: one execution environment with its Runtime API, its log and its process."""
