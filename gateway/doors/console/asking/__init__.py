"""How a query comes about: by picking, or as SQL."""
