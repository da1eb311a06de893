"""What is known of each server, from the versions that real ones report."""

import pytest

from vitrine.index.capabilities import adapt, detect


@pytest.mark.parametrize(
    ("reported", "version", "lite"),
    [
        ("milvus_lite-3.2.2", "3.2.2", True),
        ("v2.3.5-lite", "2.3.5", False),  # the full server in the wheel `milvus`
        ("2.6.4", "2.6.4", False),
        ("v2.6.4-gpu", "2.6.4", False),
    ],
)
def test_versions(reported: str, version: str, lite: bool) -> None:
    found = detect(reported)
    assert (found.version, found.lite) == (version, lite)


def test_milvus_lite_searches_exactly_and_one_writer_at_a_time() -> None:
    lite = detect("milvus_lite-3.2.2")
    assert lite.vector_index["index_type"] == "FLAT"
    assert lite.serialise_writers
    assert lite.flush_after_bulk
    assert lite.strong == lite.consistency == {}


def test_milvus_searches_a_graph_and_says_how_fresh() -> None:
    milvus = detect("v2.6.4")
    assert milvus.vector_index["index_type"] == "HNSW"
    assert not milvus.serialise_writers
    assert milvus.strong == {"consistency_level": "Strong"}
    assert milvus.consistency == {"consistency_level": "Bounded"}
    assert milvus.search_params(10)["params"] == {"ef": 256}
    assert milvus.search_params(5000)["params"] == {"ef": 10_000}


def test_rare_han_characters_reach_milvus_whole() -> None:
    expression = 'brand == "𠮷野家"'
    assert adapt(expression, detect("milvus_lite-3.2.2")) == expression
    assert adapt(expression, detect("v2.6.4")) == 'brand == "\\U00020bb7野家"'
