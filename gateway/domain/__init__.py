"""The words of the trade, without any I/O."""
