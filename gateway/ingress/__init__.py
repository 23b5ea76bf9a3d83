"""The way in: HTTP requests are bounded, authenticated and understood here; nothing is decided."""
