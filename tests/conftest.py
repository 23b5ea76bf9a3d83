"""What holds for every test."""

from hypothesis import settings

# A slow machine is no reason for a test to fail; pytest-timeout stops what hangs.
settings.register_profile("manjha", deadline=None)
settings.load_profile("manjha")
