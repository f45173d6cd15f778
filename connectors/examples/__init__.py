"""Examples of what departments write themselves."""
