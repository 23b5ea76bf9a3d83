"""Places between two steps where a crash test may strike; in production each is one comparison with None.

It lies on the ground floor because storage has such places, too.
"""

from collections.abc import Callable

#: What strikes. Nothing in the product sets it: no option, no environment, no configuration. The crash tests
#: start the gateway through a script of their own, and that sets it.
_strike: Callable[[str], None] | None = None


def checkpoint(name: str) -> None:
    """Marks a step that a crash may come after; the names stand in docs/reliability.md."""
    if _strike is not None:
        _strike(name)
