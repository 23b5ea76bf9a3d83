"""What can be set: the owner's settings, and the market's figures that a circular can change."""
