"""The wheel, installed as users install it, outside of the repository: `make test-wheel`."""
