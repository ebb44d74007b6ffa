"""HTTP/1.1 as both sides serve it, and who may call."""
