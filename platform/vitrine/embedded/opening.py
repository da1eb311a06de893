"""What a shop needs before its first request: a schema, keys, and a model in use."""

from collections.abc import Callable

from vitrine.assembly import Platform
from vitrine.embedding.models import Model
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import NotFound, Unavailable
from vitrine.index.generations import active_generation
from vitrine.ingest.switch import use_model

Build = Callable[[str], object]
"""Have a model exported by its name."""


def ensure_model(platform: Platform, build: Build) -> InstalledModel:
    """Make sure that the shop has a model in use and that its files are here.

    A new shop starts with `settings.model`; afterwards `vitrine models use` decides.
    """
    in_use = _model_in_use(platform)
    if in_use is None:
        model = platform.models.keep(_find_or_build(platform, platform.settings.model, build))
        use_model(platform.ingest, model, ring=platform.doorbell.ring, wait=_refuse_to_wait)
        return model
    digest, name = in_use
    try:
        return platform.models.find_digest(digest)
    except NotFound:  # its files are gone; an export of the same weights has the same digest
        build(name)
        return platform.models.find_digest(digest)


def _model_in_use(platform: Platform) -> tuple[str, str] | None:
    """Digest and name."""
    with platform.sessions() as session:
        try:
            model = session.get_one(Model, active_generation(session).model)
        except Unavailable:
            return None
        return model.digest, model.name


def _find_or_build(platform: Platform, name: str, build: Build) -> InstalledModel:
    try:
        return platform.models.find(name)
    except NotFound:
        build(name)
        return platform.models.find(name)


def _refuse_to_wait() -> None:
    """A new shop has no pictures to wait for, and no worker runs yet that could embed them."""
    raise Unavailable(
        "This shop has pictures but no model in use. Start `vitrine api`, `vitrine worker` and "
        "run `vitrine models use NAME`."
    )
