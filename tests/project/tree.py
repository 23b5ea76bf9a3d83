"""The files of this repository, for tests about all of them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("bot", "config", "gateway", "storage")
_FOLDERS = (*OURS, "alembic", "bench", "tests", "tools")


@cache
def committed_files() -> tuple[Path, ...]:
    """What git tracks and is there; all of the tree where there is no git (an unpacked archive)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        return tuple(
            path for path in ROOT.rglob("*") if path.is_file() and not _made_here(path.relative_to(ROOT))
        )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


@cache
def python_files() -> tuple[Path, ...]:
    """Every Python file we wrote, committed or about to be."""
    return tuple(sorted(path for folder in _FOLDERS for path in (ROOT / folder).rglob("*.py")))


def _made_here(path: Path) -> bool:
    top = path.parts[0]
    return "__pycache__" in path.parts or top in {"data", "logs"} or (top.startswith(".") and top != ".ci")
