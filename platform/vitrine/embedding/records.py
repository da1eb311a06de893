"""The registry of models in Postgres: what each is, and what was measured of it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine.embedding.models import Model
from vitrine.embedding.registry import InstalledModel


def register(session: Session, model: InstalledModel) -> None:
    """Enter a built model, with what its build measured of int8."""
    record_figures(session, model, {"int8": model.int8} if model.int8 else {})


def record_figures(session: Session, model: InstalledModel, figures: Mapping[str, Any]) -> None:
    """Keep figures of a model, by what they measure: "int8", "grocery train→val"; newer replace.

    The model is entered if it is not known yet.
    """
    statement = insert(Model).values(
        digest=model.digest,
        name=model.name,
        dim=model.dim,
        spec=model.spec.to_json(),
        figures=dict(figures),
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["digest"],
            set_={"figures": Model.figures.op("||")(statement.excluded.figures)},
        )
    )
