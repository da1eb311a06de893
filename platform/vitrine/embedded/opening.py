"""What a shop needs before its first request: a schema, keys, and a model in use."""

from collections.abc import Callable
from contextlib import suppress

from vitrine.assembly import Platform
from vitrine.embedding.models import Model
from vitrine.embedding.names import parse
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import NotFound, Unavailable
from vitrine.index.generations import active_generation
from vitrine.ingest.beside import make_beside
from vitrine.ingest.switch import use_model
from vitrine.ingest.text_work import ensure_text_index

Build = Callable[[str], object]
"""Have a model exported by its name."""


def ensure_model(platform: Platform, build: Build) -> InstalledModel | None:
    """Make sure that the shop has a model in use and that what serves it is here.

    A new shop starts with `settings.model`; afterwards `vitrine models use` decides. None if the
    files of the model in use are gone and nothing can make them again: the rest of the shop works,
    and another model can be switched to.
    """
    in_use = _model_in_use(platform)
    if in_use is None:
        name = platform.settings.model
        model = platform.models.keep(_find_or_build(platform, name, build))
        use_model(platform.ingest, model, ring=platform.doorbell.ring, wait=_refuse_to_wait)
        return model
    _make_whole(platform)
    digest, name = in_use
    try:
        return platform.encoders.find(digest)
    except NotFound:
        if parse(name).own and not _is_here(platform, digest):
            return None
        build(name)  # an export of the same weights has the same digest
        return platform.encoders.find(digest)


def _make_whole(platform: Platform) -> None:
    """Have a shop from before there were words and ads in the index make room for them.

    Without Milvus, housekeeping does.
    """
    with suppress(Unavailable):
        ensure_text_index(platform.ingest)
        make_beside(platform.ingest)


def _is_here(platform: Platform, digest: str) -> bool:
    return any(model.digest == digest for model in platform.models.installed())


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
        return platform.encoders.find(platform.models.find(name).digest)
    except NotFound:
        build(name)
        return platform.encoders.find(platform.models.find(name).digest)


def _refuse_to_wait() -> None:
    """A new shop has no pictures to wait for, and no worker runs yet that could embed them."""
    raise Unavailable(
        "This shop has pictures but no model in use. Start `vitrine api`, `vitrine worker` and "
        "run `vitrine models use NAME`."
    )
