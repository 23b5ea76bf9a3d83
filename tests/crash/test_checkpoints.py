"""Checkpoints in production: nothing sets what strikes, and nothing outside can."""

import ast
import timeit
from pathlib import Path

import pytest

from gateway.domain import checkpoints
from tests.project.tree import OURS, ROOT

CALL, HOLDER = "checkpoint", "_strike"


def sources() -> list[Path]:
    return [path for package in OURS for path in (ROOT / package).rglob("*.py")]


def test_nothing_strikes_unless_a_test_says_so() -> None:
    assert checkpoints._strike is None
    checkpoints.checkpoint("anything")


def test_no_line_of_the_product_sets_what_strikes() -> None:
    mentions = [
        str(path.relative_to(ROOT))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == HOLDER)
        or (isinstance(node, ast.Name) and node.id == HOLDER and isinstance(node.ctx, ast.Store))
    ]
    assert mentions == ["gateway/domain/checkpoints.py"]


def test_every_checkpoint_has_a_plain_name_of_its_own() -> None:
    names: list[str] = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == CALL:
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: no name is made up at run time"
                names.append(str(name.value))
    assert len(names) > 40
    assert sorted(names) == sorted(set(names))


def test_a_struck_checkpoint_is_told_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[str] = []
    monkeypatch.setattr(checkpoints, HOLDER, passed.append)
    checkpoints.checkpoint("intake.committed")
    assert passed == ["intake.committed"]


def test_an_unarmed_checkpoint_costs_next_to_nothing() -> None:
    seconds = min(timeit.repeat(lambda: checkpoints.checkpoint("x"), number=10_000, repeat=5)) / 10_000
    assert seconds < 5e-6
