"""ric: a Python Runtime Interface Client for AWS Lambda."""

__version__ = "0.1.0"
