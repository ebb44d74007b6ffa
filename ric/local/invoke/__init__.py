"""The side that callers see: the Invoke API and the function URL over HTTP, and the same without HTTP."""
