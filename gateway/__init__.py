"""The gateway: an alert comes in, at most one order goes out, and its truth is told."""
