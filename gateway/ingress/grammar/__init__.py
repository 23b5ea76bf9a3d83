"""The grammar of alerts: pure functions from text to a signal, bounded in depth, size and digits."""
