import json
from dataclasses import replace
from pathlib import Path

from vitrine.embedding.specs import ModelSpec, Preprocessing, model_digest

HOW = Preprocessing((3, 224, 200), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bicubic", 0.95, "center")
SPEC = ModelSpec("timm:x", "x", False, 3, False, 512, (512, 7, 7), HOW)


def test_json_round_trip() -> None:
    text = json.dumps(SPEC.to_json())
    assert ModelSpec.from_json(json.loads(text)) == SPEC


def test_digest_covers_weights_and_spec(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"one")
    first = model_digest(SPEC, weights)
    assert first == model_digest(ModelSpec.from_json(SPEC.to_json()), weights)
    assert first != model_digest(replace(SPEC, seed=4), weights)
    assert first != model_digest(replace(SPEC, levels=2), weights)
    assert first != model_digest(replace(SPEC, preprocessing=replace(HOW, crop_pct=0.9)), weights)
    weights.write_bytes(b"two")
    assert first != model_digest(SPEC, weights)


def test_short_side_leaves_nothing_to_enlarge() -> None:
    assert HOW.scale_size == (235, 210)
    assert HOW.short_side == 235


def test_a_model_from_before_levels_keeps_its_digest() -> None:
    assert "levels" not in SPEC.to_json()
    two = replace(SPEC, levels=2)
    assert ModelSpec.from_json(two.to_json()) == two
