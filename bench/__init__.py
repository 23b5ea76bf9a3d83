"""The benchmark: what DESIGN promises about speed and size, measured on real processes side by side."""
