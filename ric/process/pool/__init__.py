"""Several invocations at once: a parent that keeps worker processes, and what passes between them."""
