"""The api over servers that are not there: what the frame does without them."""

import socket
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from vitrine.api.app import create_app
from vitrine.assembly import Platform, assemble
from vitrine.settings import Settings


@pytest.fixture(scope="session")
def lonely_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose servers refuse the connection at once."""
    folder = tmp_path_factory.mktemp("lonely")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        return Settings(
            data_dir=Path(folder),
            database_url=f"postgresql+psycopg2://nobody:hidden@{nobody}/none",
            redis_url=f"redis://{nobody}/0",
            milvus_uri=f"http://{nobody}",
            secret_key="a secret key that only the tests use",
            dependency_timeout_seconds=1.0,
            max_image_bytes=100_000,
            max_request_bytes=300_000,
            max_images_per_product=3,
        )


@pytest.fixture(scope="session")
def lonely(lonely_settings: Settings) -> Platform:
    return assemble(lonely_settings)


@pytest.fixture
def app(lonely: Platform) -> Flask:
    return create_app(lonely)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
