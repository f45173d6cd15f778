"""The command line: a client of the public services with the requester's own token."""
