"""What a shop needs before its first request: a schema, keys, and a model in use."""

from collections.abc import Callable

from sqlalchemy import select

from vitrine.assembly import Platform
from vitrine.embedding.models import Model
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import NotFound, Unavailable
from vitrine.index.generations import active_generation
from vitrine.ingest.switch import use_model

Progress = Callable[[str], object]


def ensure_model(platform: Platform, progress: Progress) -> InstalledModel:
    """Make sure that the shop has a model in use and that its files are here.

    A new shop starts with `settings.model`; afterwards `vitrine models use` decides.
    """
    with platform.sessions() as session:
        try:
            digest: str | None = active_generation(session).model
        except Unavailable:
            digest = None
        name = platform.settings.model
        if digest is not None:
            name = session.scalars(select(Model.name).where(Model.digest == digest)).one()
    if digest is not None:
        try:
            return platform.models.find_digest(digest)
        except NotFound:
            progress(f"Exporting {name} again: its files are gone")
            model = platform.models.build(name)
            return platform.models.find_digest(digest) if model.digest != digest else model
    try:
        model = platform.models.find(name)
    except NotFound:
        progress(f"Exporting {name}: once, it takes a while")
        model = platform.models.build(name)
    use_model(platform.ingest, model, ring=platform.doorbell.ring, wait=_refuse_to_wait)
    return model


def _refuse_to_wait() -> None:
    """A new shop has no pictures to wait for, and no worker runs yet that could embed them."""
    raise Unavailable(
        "This shop has pictures but no model in use. Start `vitrine api`, `vitrine worker` and "
        "run `vitrine models use NAME`."
    )
