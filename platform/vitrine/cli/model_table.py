"""What there is to say of each model: files here, vectors in the shop, figures measured."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from vitrine.assembly import Platform
from vitrine.embedding.models import Embedding, Model
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import NotFound
from vitrine.index.generations import previous_generation
from vitrine.index.models import Generation
from vitrine.settings import Settings

State = Literal["in use", "kept", "here", "not here"]
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Known:
    """A model that is here, or whose vectors the shop has."""

    name: str
    digest: str
    state: State
    dim: int | None = None
    trained: bool = False
    forms: Sequence[str] = ()
    serves: str | None = None
    path: str | None = None
    size_bytes: int | None = None
    vectors: int | None = None
    figures: dict[str, Any] | None = None


def known_models(platform: Platform) -> tuple[list[Known], bool]:
    """List models, and say whether the database answered."""
    installed = {model.digest: model for model in platform.models.installed()}
    registry = _registry(platform)
    rows, vectors, states = registry or ({}, {}, {})
    known = [
        _known(model, rows.get(model.digest), states.get(model.digest), vectors, platform.settings)
        for model in installed.values()
    ]
    known += [
        Known(
            row.name, row.digest, states.get(row.digest, "not here"), row.dim,
            trained=bool(row.spec.get("trained")), vectors=vectors.get(row.digest, 0),
            figures=row.figures,
        )
        for row in rows.values()
        # A model without files and without vectors is history.
        if row.digest not in installed and (row.digest in states or vectors.get(row.digest))
    ]  # fmt: skip
    return sorted(known, key=lambda one: one.name), registry is not None


def show(known: Sequence[Known]) -> None:
    """Print the models as a table that fits a terminal, and what it has no room for below it."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "digest", "forms", "size", "vectors", "state"):
        table.add_column(heading, no_wrap=heading != "name", overflow="fold")
    for one in known:
        table.add_row(*_row(one))
    console = Console()
    console.print(table)
    for one in known:
        if measured := recalls(one.figures or {}):
            console.print(f"R@1 of {one.name}: {measured}", highlight=False, soft_wrap=True)
    untrained = [one.name for one in known if not one.trained]
    if untrained:
        console.print(f"[red]Not trained:[/] {', '.join(untrained)}", highlight=False)
    kept = next((one.name for one in known if one.state == "kept"), None)
    if kept:
        console.print(f"Kept to go back to with `vitrine models use --rollback`: {kept}")


def print_json(known: Sequence[Known]) -> None:
    """Print the models for a script."""
    click.echo(json.dumps([asdict(one) for one in known], indent=2, ensure_ascii=False))


def _registry(
    platform: Platform,
) -> tuple[dict[str, Model], dict[str, int], dict[str, State]] | None:
    """Rows, vectors and states by digest; None if the database is silent."""
    try:
        with platform.sessions() as session:
            rows = {row.digest: row for row in session.scalars(select(Model))}
            counts = select(Embedding.model, func.count()).group_by(Embedding.model)
            vectors = {model: int(count) for model, count in session.execute(counts)}
            states: dict[str, State] = {}
            kept = previous_generation(session)
            if kept is not None:
                states[kept.model] = "kept"
            active = session.scalar(select(Generation.model).where(Generation.state == "active"))
            if active is not None:
                states[active] = "in use"
            return rows, vectors, states
    except SQLAlchemyError:
        return None


def _known(
    model: InstalledModel,
    row: Model | None,
    state: State | None,
    vectors: dict[str, int],
    settings: Settings,
) -> Known:
    int8 = {"int8": model.int8} if model.int8 else {}
    return Known(
        model.name,
        model.digest,
        state or "here",
        model.dim,
        trained=model.spec.trained,
        forms=model.precisions,
        serves=serving_form(model, settings),
        path=str(model.path),
        size_bytes=model.bytes,
        vectors=vectors.get(model.digest, 0),
        figures={**(row.figures if row else {}), **int8},
    )


def serving_form(model: InstalledModel, settings: Settings) -> str | None:
    """The form that api and workers run here, None where they cannot run any."""
    if settings.runtime == "torch":
        return None
    with suppress(NotFound):
        return model.form(None if settings.precision == "auto" else settings.precision)
    return None


def _row(one: Known) -> tuple[str, ...]:
    missing = "–"
    return (
        one.name,
        one.digest[:12],
        ", ".join(form + ("*" if form == one.serves else "") for form in one.forms) or missing,
        f"{one.size_bytes / _MIB:.0f} MiB" if one.size_bytes else missing,
        str(one.vectors) if one.vectors else missing,
        "[green]in use[/]" if one.state == "in use" else one.state,
    )


def recalls(figures: dict[str, Any]) -> str:
    """Name the recall at 1 of every evaluation that was recorded."""
    found = [
        f"{value['r@1']:.3f} {name}"
        for name, value in figures.items()
        if isinstance(value, dict) and isinstance(value.get("r@1"), float)
    ]
    return "; ".join(found)
