"""What goes over the wire to the Lambda Runtime API, from names and bytes up to the client and its failure policy."""
