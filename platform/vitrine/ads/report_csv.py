"""A report as a spreadsheet takes it."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from vitrine.search.gaps import harmless
from vitrine.wire.ad_reports import Estimate, MicrosEstimate, ReportRow

_BOUNDS = ("low", "high")


def as_csv(rows: Iterable[ReportRow]) -> str:
    """Write the rows (RFC 4180), each figure as JSON has it; an interval is two columns more."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([name for field in ReportRow.model_fields for name in _names(field)])
    for one in rows:
        writer.writerow([cell for field in ReportRow.model_fields for cell in _cells(one, field)])
    return out.getvalue()


def _names(field: str) -> list[str]:
    estimate = ReportRow.model_fields[field].annotation in {Estimate, MicrosEstimate}
    return [field, *(f"{field}_{bound}" for bound in _BOUNDS)] if estimate else [field]


def _cells(one: ReportRow, field: str) -> list[Any]:
    value = getattr(one, field)
    if isinstance(value, BaseModel):
        return [getattr(value, name) for name in ("value", *_BOUNDS)]
    if isinstance(value, dict):
        return [json.dumps(value)]
    return [harmless(value) if isinstance(value, str) else value]
