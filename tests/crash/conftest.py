"""The crash tests play on the acceptance tests' stage."""

from tests.acceptance.conftest import stage

__all__ = ["stage"]
