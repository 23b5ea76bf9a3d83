"""The shape of the house: sizes, places, and who may import what."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.tree import OURS, ROOT, committed_files, python_files

LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
LONGEST_TEST_MODULE = 500


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring left out."""
    first, last = function.lineno, function.end_lineno or function.lineno
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = function.body[0] if documented else None
    docstring_lines = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return last - first + 1 - docstring_lines


def imports(path: Path) -> set[str]:
    """The top-level packages a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    from_ = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in plain | from_}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}: {length(function)} lines"
        for path in python_files()
        if "versions" not in path.parts  # a migration is generated, and never edited after it was released
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if length(function) > LONGEST_FUNCTION
    ]
    assert too_long == []


def test_no_module_is_longer_than_a_few_screens() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert [
        f"{path.relative_to(ROOT)}: {size}"
        for path, size in sizes.items()
        if size > (LONGEST_TEST_MODULE if "tests" in path.parts else LONGEST_MODULE)
    ] == []


def test_every_module_of_ours_says_what_it_is_for() -> None:
    ours = [path for package in OURS for path in (ROOT / package).rglob("*.py")]
    silent = [
        path for path in ours if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


def test_kiteconnect_is_imported_in_exactly_one_file() -> None:
    ours = [path for package in OURS for path in (ROOT / package).rglob("*.py")]
    importing = [str(path.relative_to(ROOT)) for path in ours if "kiteconnect" in imports(path)]
    assert importing == ["gateway/kite/client.py"]


def test_the_migrations_folder_does_not_shadow_the_library() -> None:
    assert (ROOT / "alembic").is_dir()
    assert list((ROOT / "alembic").rglob("__init__.py")) == []


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [
        str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()
    ] == []


def test_every_part_of_the_gateway_has_its_storey() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "layers")
    named = {word.strip(" ()") for layer in layers for part in layer.split("|") for word in part.split(":")}
    parts = {
        f"gateway.{path.stem}"
        for path in (ROOT / "gateway").iterdir()
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert parts - named == set(), "name it in pyproject.toml, [tool.importlinter]"


@pytest.mark.parametrize("name", ["README.md", "pyproject.toml", "requirements.txt", "Makefile", ".ci/run"])
def test_the_usual_files_are_committed(name: str) -> None:
    assert ROOT / name in committed_files()
