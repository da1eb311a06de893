"""A migration can be taken back, and leaves nothing that the version before does not know."""

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from vitrine.migrations import current_revision, migrations_dir, newest_revision, upgrade


def test_recommendation_can_be_taken_back_and_brought_again(database_url: str) -> None:
    engine = create_engine(database_url)
    before = set(inspect(engine).get_table_names())
    with engine.begin() as connection:
        connection.execute(text("insert into people (kind, name) values ('user', 'ada')"))
        connection.execute(
            text("insert into work (kind, key) values ('profile', '1'), ('embed', 'c')")
        )
    configuration = Config(migrations_dir() / "alembic.ini")
    configuration.attributes["database_url"] = database_url
    command.downgrade(configuration, "0003")
    assert not {"people", "events", "decisions"} & set(inspect(engine).get_table_names())
    with engine.connect() as connection:
        assert connection.execute(text("select kind from work")).scalars().all() == ["embed"]
    upgrade(database_url)
    assert set(inspect(engine).get_table_names()) == before
    assert current_revision(engine) == newest_revision()
    engine.dispose()
