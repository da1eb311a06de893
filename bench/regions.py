"""How often do the regions of a photo hit the things in it, against boxes that need no model?

Scenes of one to three things whose boxes are known: drawn by the demo, and pasted of catalogue
pictures where the Flipkart set is. A thing is found if a box has an intersection over union with it
of at least 0.3 or 0.5. `main` judges the first box by the largest thing, `any` by whichever it hits
best, `all` the six boxes by every thing.

    python bench/regions.py --datasets ../shared/datasets

"the same at 256 pixels" is the same network on a photo twice as wide and high: a map of four times
as many places, at four times the cost.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from _scenes import Box, Known, cut_outs, drawn, iou, pasted

from vitrine.embedding.preprocess import seen_part
from vitrine.embedding.regions import WHOLE, find_regions
from vitrine.embedding.registry import InstalledModel, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.settings import load_settings

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"
CENTRE: Box = (0.2, 0.2, 0.6, 0.6)
QUARTERS: list[Box] = [(x, y, 0.5, 0.5) for y in (0.0, 0.5) for x in (0.0, 0.5)]
CUT_OUTS = 200

Boxes = Callable[[Sequence[Known]], list[list[Box]]]


def fixed(*boxes: Box) -> Boxes:
    """The same boxes for every photo."""
    return lambda scenes: [list(boxes) for _ in scenes]


def found_by(encoder: OpenVinoEncoder) -> Boxes:
    """What `find_regions` says of the maps of this encoder."""

    def find(scenes: Sequence[Known]) -> list[list[Box]]:
        maps = encoder.encode([scene.photo for scene in scenes]).map
        how = encoder.spec.preprocessing
        return [
            [one.box for one in find_regions(features, seen_part(scene.photo.size, how))]
            for features, scene in zip(maps, scenes, strict=True)
        ]

    return find


def ways(model: InstalledModel) -> dict[str, Boxes]:
    side = model.spec.preprocessing.input_size[1]
    return {
        "the whole photo": fixed(WHOLE),
        "its centre": fixed(CENTRE),
        "centre, whole and quarters": fixed(CENTRE, WHOLE, *QUARTERS),
        "regions": found_by(OpenVinoEncoder(model)),
        f"the same at {2 * side} pixels": found_by(OpenVinoEncoder(model, side=2 * side)),
    }


def judge(scenes: Sequence[Known], boxes: Sequence[list[Box]]) -> list[float]:
    """Recall at 0.3 and 0.5: of the main thing, of any by the first box, of all by all boxes."""
    main, anything, everything = [], [], []
    for scene, given in zip(scenes, boxes, strict=True):
        largest = max(scene.boxes, key=lambda box: box[2] * box[3])
        main.append(iou(given[0], largest))
        anything.append(max(iou(given[0], box) for box in scene.boxes))
        everything += [max(iou(one, box) for one in given) for box in scene.boxes]
    return [
        float(np.mean(np.array(hits) >= least))
        for hits in (main, anything, everything)
        for least in (0.3, 0.5)
    ]


def report(title: str, scenes: Sequence[Known], ways: dict[str, Boxes]) -> None:
    things = sum(len(scene.boxes) for scene in scenes)
    print(f"\n{title}: {len(scenes)} photos, {things} things")
    heads = [f"{what} {least}" for what in ("main", "any", "all") for least in (0.3, 0.5)]
    print(f"{'':28}" + "".join(f"{head:>10}" for head in heads))
    for name, way in ways.items():
        figures = judge(scenes, way(scenes))
        print(f"{name:28}" + "".join(f"{figure:10.2f}" for figure in figures))


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--datasets", type=Path, default=DATASETS, help="Where the sets are.")
    options.add_argument("--model", help="Model to measure.  [default: VITRINE_MODEL]")
    options.add_argument("--drawn", type=int, default=60, help="Scenes to draw.")
    options.add_argument("--pasted", type=int, default=150, help="Scenes to paste.")
    chosen = options.parse_args()
    settings = load_settings()
    model = ModelStore(settings.model_store).find(chosen.model or settings.model)
    known = ways(model)
    print(f"{model.name}: a map of {' × '.join(map(str, model.spec.map_shape[1:]))} places")
    report("drawn", [drawn(seed) for seed in range(chosen.drawn)], known)
    catalogue = chosen.datasets / "flipkart"
    if not (catalogue / "images.csv").is_file():
        print(f"\npasted: left out, there is no {catalogue}; --datasets says where the sets are")
        return
    things = cut_outs(catalogue, CUT_OUTS)
    report("pasted", [pasted(seed, things) for seed in range(chosen.pasted)], known)


if __name__ == "__main__":
    main()
