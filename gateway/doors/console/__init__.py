"""The console: a web page for clerks, stewards and auditors; a client of the public services with the requester's own token."""
