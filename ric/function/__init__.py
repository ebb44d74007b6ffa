"""The user's function: finding it, what it is handed, and what becomes of its failures."""
