"""How well does the model find, against what needs no training: random weights, and colour alone?

Each row is a set of labelled pictures, each column a way to describe a picture; all are judged by
the code behind `vitrine evaluate`, on the same queries. int8 is compared with fp32 query by query.
The sets stay outside of the checkout:

    python bench/quality.py --datasets ../shared/datasets --write docs/quality-table.md
    python bench/quality.py --only grocery --model timm:resnet50.a1_in1k
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import Progress

from vitrine.cli.progress import counting
from vitrine.embedding.registry import ModelStore, Precision
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.errors import NotFound
from vitrine.learning.datasets import read_examples
from vitrine.learning.evaluation import metrics
from vitrine.learning.evaluation.bootstrap import Estimate, estimate
from vitrine.learning.evaluation.judge import Evaluation, evaluate
from vitrine.learning.evaluation.pictures import Embedded, embed
from vitrine.media.decode import Limits, decode
from vitrine.settings import load_settings

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"
RANDOM = "timm:resnet18?pretrained=false&seed=0"
LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_pixels=50_000_000)

Describe = Callable[[Sequence[Path], Callable[[int], object]], Embedded]


@dataclass(frozen=True)
class Row:
    """One evaluation: a split is searched with another, or with itself (leave-one-out)."""

    folder: str
    catalog: str
    queries: str

    def __str__(self) -> str:
        if self.catalog == self.queries:
            return f"{self.folder} {self.queries}, leave-one-out"
        return f"{self.folder} {self.catalog} → {self.queries}"


ROWS = (
    Row("grocery", "train", "val"),
    Row("grocery", "iconic", "val"),
    Row("eth80", "val", "val"),
    Row("caltech101", "val", "val"),
    Row("clothing", "train", "val"),
)


def by_colour(paths: Sequence[Path], progress: Callable[[int], object]) -> Embedded:
    """Colour histograms, as roots: their inner product is the Bhattacharyya coefficient."""
    began, vectors, contents = time.perf_counter(), [], []
    for path in paths:
        data = path.read_bytes()
        vectors.append(np.sqrt(histogram(decode(data, LIMITS))))
        contents.append(hashlib.sha256(data).hexdigest())
        progress(1)
    rows = {path: row for row, path in enumerate(paths)}
    return Embedded(rows, np.stack(vectors), contents, [], time.perf_counter() - began)


def histogram(picture: Image.Image) -> np.ndarray:
    """float32 [512] that sums to 1: 32 hues × 4 saturations × 4 values of the whole picture.

    A baseline should be hard to beat: of 18 histograms that were tried on the groceries (8 to 32
    hues, grids of 1, 4 and 16 cells, three ways to compare) this one found most.
    """
    small = picture.resize((96, 96), Image.Resampling.BOX).convert("HSV")
    hue, saturation, value = np.asarray(small, np.int64).reshape(-1, 3).T
    bins = (hue * 32 // 256 * 4 + saturation * 4 // 256) * 4 + value * 4 // 256
    return (np.bincount(bins, minlength=32 * 4 * 4) / bins.size).astype(np.float32)


def by_model(store: ModelStore, name: str, precision: Precision) -> Describe:
    """Vectors of one form of a model. Raises NotFound for a form that is not built."""
    try:
        model = store.find(name)
        model.form(precision)
    except NotFound:
        model = store.build(name)
    encoder = OpenVinoEncoder(model, hint="throughput", precision=model.form(precision))
    return lambda paths, progress: embed(paths, encoder, LIMITS, progress=progress)


def columns(store: ModelStore, name: str) -> dict[str, Describe]:
    """Every way to describe a picture that is to be had here."""
    found: dict[str, Describe] = {}
    for precision in ("fp32", "int8"):
        try:
            found[f"{name} {precision}"] = by_model(store, name, precision)
        except NotFound as error:
            print(f"without {precision}: {error}", file=sys.stderr)
    return found | {
        "random weights": by_model(store, RANDOM, "fp32"),
        "colour histogram": by_colour,
    }


def measure(
    rows: Sequence[Row], datasets: Path, describe_by: Describe, bar: Progress, name: str
) -> dict[Row, Evaluation]:
    """Evaluate one column; the pictures of a directory are described once for all its rows."""
    found = {}
    for folder in dict.fromkeys(row.folder for row in rows):
        mine = [row for row in rows if row.folder == folder]
        splits = dict.fromkeys(split for row in mine for split in (row.catalog, row.queries))
        examples = {split: read_examples(datasets / folder, split) for split in splits}
        paths = [example.path for of in examples.values() for example in of]
        task = bar.add_task(f"{name}: {folder}", total=len(paths))
        described = describe_by(paths, lambda count, task=task: bar.advance(task, count))
        bar.remove_task(task)
        for row in mine:
            queries, catalogue = examples[row.queries], examples[row.catalog]
            found[row] = evaluate(described.of(queries), described.of(catalogue))
    return found


def loss(fp32: Evaluation, int8: Evaluation) -> Estimate:
    """What int8 adds to R@1 or takes from it, query by query, in points."""
    first = [metrics.recall_at(one.right, one.relevant, 1) for one in (fp32, int8)]
    return estimate(100 * (first[1] - first[0]))


def table(found: dict[str, dict[Row, Evaluation]], figure: str) -> list[str]:
    """One figure of all rows and columns as Markdown, each with its interval."""
    rows = list(next(iter(found.values())))
    lines = [["", "queries", *found]]
    for row in rows:
        of = [column[row].label[figure] for column in found.values()]
        cells = [f"{one.value:.3f} ({one.low:.3f} – {one.high:.3f})" for one in of]
        lines.append([str(row), str(of[0].queries), *cells])
    return _markdown(lines)


def losses(found: dict[str, dict[Row, Evaluation]], name: str) -> list[str]:
    """int8 against fp32; nothing where one of them is not there."""
    fp32, int8 = found.get(f"{name} fp32"), found.get(f"{name} int8")
    if fp32 is None or int8 is None:
        return []
    lines = [["", "int8 − fp32, points of R@1"]]
    for row, one in fp32.items():
        lost = loss(one, int8[row])
        lines.append([str(row), f"{lost.value:+.2f} ({lost.low:+.2f} – {lost.high:+.2f})"])
    return ["", *_markdown(lines)]


def _markdown(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    padded = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    return [padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--datasets", type=Path, default=DATASETS, help="Where the sets are.")
    options.add_argument("--model", help="Model to measure.  [default: VITRINE_MODEL]")
    options.add_argument("--models-dir", type=Path, help="Where built models are kept.")
    options.add_argument("--only", action="append", help="Only rows of this set; may be repeated.")
    options.add_argument("--write", type=Path, help="Also write the tables to this file.")
    chosen = options.parse_args()
    rows = [
        row
        for row in ROWS
        if (not chosen.only or row.folder in chosen.only)
        and (chosen.datasets / row.folder / "images.csv").is_file()
    ]
    if not rows:
        print(
            f"There are no sets of pictures in {chosen.datasets}: --datasets says where they are."
        )
        return
    settings = load_settings()
    name = chosen.model or settings.model
    store = ModelStore(chosen.models_dir or settings.model_store)
    with counting() as bar:
        found = {
            column: measure(rows, chosen.datasets, describe_by, bar, column)
            for column, describe_by in columns(store, name).items()
        }
    lines = ["R@1, with 95 % intervals:", "", *table(found, "r@1"), *losses(found, name)]
    lines += ["", "mAP@10:", "", *table(found, "map@10")]
    print("\n".join(lines))
    if chosen.write:
        chosen.write.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
