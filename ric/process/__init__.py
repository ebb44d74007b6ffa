"""The process around the function: logs, signals, snapshots, workers."""
