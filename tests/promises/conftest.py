"""Quiet logs, and the worlds of the use cases."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.usecases.conftest import asking, make_world, template, world

__all__ = ["asking", "make_world", "template", "world"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hundreds of examples log nothing."""
    with capture_logs():
        yield
