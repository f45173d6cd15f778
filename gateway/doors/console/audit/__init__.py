"""What the console shows to auditors: questions to the access log, and proofs of it."""
