"""Databases for the tests of the storage: real files, the real migration."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from storage.engine import Database
from tests.usecases.world import Template, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def path(tmp_path: Path, template: Template) -> Path:
    return template.copy(tmp_path)


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    found = Database(f"sqlite:///{path}")
    yield found
    await found.close()


@pytest.fixture
def connection(database: Database):  # -> Iterator[Connection]
    """One open transaction, rolled back at the end."""
    with database._engine.connect() as opened:
        opened.begin()
        yield opened
        opened.rollback()


def counted(connection: Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())
