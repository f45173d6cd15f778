"""The catalogue: what data there is, for which purposes, and who asks for it. Imports neither gateway nor connectors."""
