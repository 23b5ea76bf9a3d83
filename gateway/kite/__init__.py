"""Kite Connect v3: orders, the book, the stream; every outcome of a call is named."""
