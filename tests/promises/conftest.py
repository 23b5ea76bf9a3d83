"""Quiet logs."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hundreds of examples log nothing."""
    with capture_logs():
        yield
