"""An evaluation as JSON: figures with their intervals, and all that one needs to repeat it."""

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vitrine.embedding.runtimes import Encoder
from vitrine.errors import Misconfigured
from vitrine.learning.evaluation.bootstrap import RESAMPLES, Estimate
from vitrine.learning.evaluation.judge import Evaluation
from vitrine.learning.evaluation.pictures import Embedded

LISTED = 20
_SHOWN_SKIPPED = 100


@dataclass(frozen=True)
class Setup:
    """What was measured: `search` says through what, `distractors` how many pictures match nothing.

    `mrr_depth` is the rank down to which a first right picture was looked for; None: all.
    """

    directory: Path
    catalog: str
    queries: str
    precision: str
    search: str
    distractors: int = 0
    mrr_depth: int | None = None


def as_json(
    setup: Setup, encoder: Encoder, evaluation: Evaluation, embedded: Embedded
) -> dict[str, Any]:
    """Put everything into plain dicts, lists and numbers; a figure that does not exist is None."""
    spec = encoder.spec
    _, height, width = spec.preprocessing.input_size
    return {
        "label": figures(evaluation.label),
        "coarse_label": figures(evaluation.coarse_label),
        "images_per_second": round(embedded.images_per_second, 2),
        "model": {
            "name": spec.name,
            "digest": encoder.digest,
            "dim": spec.dim,
            "trained": spec.trained,
            "precision": setup.precision,
            "resolution": [height, width],
        },
        "directory": str(setup.directory),
        "catalog": {"split": setup.catalog, "images": len(evaluation.catalogue.examples)},
        "queries": {
            "split": setup.queries,
            "images": len(evaluation.queries.examples),
            "without_answer": evaluation.unanswerable,
            "copies_in_catalog": evaluation.copies,
        },
        "leave_one_out": setup.catalog == setup.queries,
        "distractors": setup.distractors,
        "search": setup.search,
        "mrr_depth": setup.mrr_depth,
        "interval": {"level": 0.95, "method": "percentile bootstrap", "resamples": RESAMPLES},
        "worst_labels": [
            {"label": one.label, "queries": one.queries, "r@1": round(one.r_at_1, 6)}
            for one in evaluation.labels()[:LISTED]
        ],
        "confusions": [asdict(one) for one in evaluation.confusions()[:LISTED]],
        "skipped": {
            "images": len(embedded.skipped),
            "first": [
                {"path": str(one.path), "reason": one.reason}
                for one in embedded.skipped[:_SHOWN_SKIPPED]
            ],
        },
    }


def summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """Choose what is kept of a report with its model."""
    metrics = {name: one["value"] for name, one in report["label"].items()}
    return {
        **metrics,
        "queries": report["queries"]["images"],
        "catalog": report["catalog"]["images"],
        "distractors": report["distractors"],
        "precision": report["model"]["precision"],
        "search": report["search"],
    }


def summary_name(report: Mapping[str, Any]) -> str:
    """Name a search so that the same one replaces its figures: `groceries train→val int8`."""
    name = Path(report["directory"]).name
    splits = f"{report['catalog']['split']}→{report['queries']['split']}"
    noise = f" +{report['distractors']} distractors" if report["distractors"] else ""
    through = "" if report["search"] == "exact" else f" by {report['search']}"
    return f"{name} {splits} {report['model']['precision']}{noise}{through}"


def figures(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, float | int | None]]:
    """Each metric as value, low, high and the number of queries behind it."""
    return {
        name: {
            "value": _number(one.value),
            "low": _number(one.low),
            "high": _number(one.high),
            "queries": one.queries,
        }
        for name, one in estimates.items()
    }


def check_writable(path: Path) -> None:
    """Raise Misconfigured if no file can be made there: better before the work than after it."""
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise Misconfigured(
            f"Nothing can be written to {path.parent} ({error.strerror}): name another file."
        ) from error


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Replace the file as a whole: whoever reads it sees the old report or the new one."""
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp keeps a file to its owner; a report is like any other file.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
