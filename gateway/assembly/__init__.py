"""The composition root: builds, starts and stops all parts in order; knows all others, none knows it."""

from gateway.assembly.house import Gateway

__all__ = ["Gateway"]
