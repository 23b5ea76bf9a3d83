"""Nothing of one machine is committed: no paths of its own, no package registry, no data, no secret."""

import re
import stat
from pathlib import Path

import pytest

from tests.project.tree import ROOT, committed_files

# Single letters stand in brackets so that this file does not hold what it looks for.
REGISTRIES = re.compile(
    r"pypi\.(org|python)|files\.pythonhosted\.org|/[s]imple/|--(extra-)?index-url[ =]\S|--find-links[ =]\S"
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/([w]ork|[r]oot|[U]sers/\w+|[h]ome/(?!you\b|manjha\b|pi\b|somebody\b)\w+|[o]pt/(wheels|pypi))/"
)
PRIVATE = re.compile(r"(^|/)(\.venv/|data/|logs/|config/config\.json$)|\.(db|db-wal|db-shm|log|pem|key)$")
BINARY = {".png", ".packet", ".gif", ".jpg", ".ico"}


def found(pattern: re.Pattern[str]) -> list[str]:
    texts = (path for path in committed_files() if path.suffix not in BINARY)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry() -> None:
    assert found(REGISTRIES) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert found(MACHINE_PATHS) == []


def test_no_data_and_no_secrets_are_committed() -> None:
    names = [str(path.relative_to(ROOT)) for path in committed_files()]
    assert [name for name in names if PRIVATE.search(name)] == []


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_has_a_version_and_a_hash(lock: str) -> None:
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / lock).read_text())
    entries = re.split(r"\n(?=\S)", text.strip())
    loose = [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
    assert loose == []


def test_the_tests_run_with_the_gateways_very_versions() -> None:
    pins = re.compile(r"(?m)^([\w.-]+)(?:\[.*\])?==(\S+)")
    runtime = dict(pins.findall((ROOT / "requirements.txt").read_text()))
    development = dict(pins.findall((ROOT / "requirements-dev.txt").read_text()))
    assert runtime.items() <= development.items()


@pytest.mark.parametrize(
    "name",
    [".ci/run", "tools/audit", "tools/find-python", "tools/install-chromium", "tools/lock", "tools/venv"],
)
def test_a_script_can_be_run(name: str) -> None:
    assert (ROOT / name).stat().st_mode & stat.S_IXUSR


def test_the_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert {"run", "test", "check", "bench"} <= set(re.findall(r"(?m)^([a-z]+):", makefile))


def test_ci_runs_what_a_user_runs() -> None:
    commands = [
        line
        for line in Path(ROOT / ".ci/run").read_text().splitlines()
        if line and not line.startswith(("#", "set ", "cd ", "export "))
    ]
    assert commands[0] == "make check"
    assert [line.partition(" || ")[0] for line in commands[1:]] == ["timeout 180 make audit"]
