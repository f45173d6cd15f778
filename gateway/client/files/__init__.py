"""Results as files: complete under their names, or not at all."""
