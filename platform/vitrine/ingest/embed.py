"""Embed: pictures become vectors in Postgres, and the index rows that follow are owed.

Two kinds of work share the steps. `embed` is for the model in use and decides what becomes of a
picture. `fill` is for a generation that is built beside it, and can hurt nothing that is live.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from PIL import Image as Pillow
from PIL.Image import Image as Picture
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.catalog.models import CreativeImage, Image, ProductImage
from vitrine.catalog.pictures import lock_uses
from vitrine.embedding.lanes import in_lanes, lanes_for
from vitrine.embedding.models import Embedding
from vitrine.embedding.runtimes import Encoder
from vitrine.embedding.vectors import pack
from vitrine.errors import ImageRejected, NotFound, OutOfMemory, Unavailable
from vitrine.index.generations import live_generations
from vitrine.ingest.parts import Parts
from vitrine.ingest.uses import mark_embedded, mark_failed, owe_rows, shown_by
from vitrine.media.decode import Probe, decode, probe

log = logs.get(__name__)

LOST = "The file of this picture was lost; send the picture again."
UNREADABLE = "The file of this picture cannot be read; send the picture again."
STARVED = "There was not enough memory for this picture; send it with fewer pixels."


@dataclass(slots=True)
class _Batch:
    """What became of a batch, by content id.

    `unread`: the file was not given by the store, or not taken by the memory, and what a seller is
    told if that stays so.
    """

    probes: dict[str, Probe] = field(default_factory=dict)
    vectors: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def add(self, other: "_Batch") -> None:
        self.probes |= other.probes
        self.vectors |= other.vectors
        self.failures |= other.failures
        self.unread |= other.unread


def embed(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Embed the claimed pictures with the model in use; a bad picture fails alone.

    Raises Unavailable while no model is in use or a dependency is down.
    """
    model = _model(parts, "active")
    if model is None:
        raise Unavailable("No embedding model is in use yet; `vitrine models use NAME`.")
    batch = _embed(parts, model, claims)
    read = [claim for claim in claims if claim.key not in batch.unread]
    unread = [claim for claim in claims if claim.key in batch.unread]
    with parts.sessions.begin() as session:
        there, made = _keep_vectors(session, model, [claim.key for claim in read], batch)
        # What a picture is comes before what is owed for it: so sellers lock them too.
        mark_embedded(session, there - set(batch.failures))
        mark_failed(session, {cid: why for cid, why in batch.failures.items() if cid in there})
        owe_rows(session, there - set(batch.failures))
        work.owe(session, work.MENTIONS, shown_by(session, model, made))
        work.finish(session, read)
        # Others could be read, so it is these files: they are tried again, and given up.
        for claim in sorted(unread, key=lambda claim: claim.key):
            worn = claim.attempts >= parts.bounds.max_attempts
            (give_up_embedding if worn else work.retry)(session, [claim], batch.unread[claim.key])


def fill(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Embed the claimed pictures for the generation that is being built, if it still is.

    A picture that this model cannot embed is left without its vector; whoever builds the
    generation counts them before it goes live. Raises Unavailable.
    """
    model = _model(parts, "building")
    batch = _embed(parts, model, claims) if model is not None else _Batch()
    with parts.sessions.begin() as session:
        if model is not None:
            there, made = _keep_vectors(session, model, [claim.key for claim in claims], batch)
            owe_rows(session, there - set(batch.failures))
            shown = shown_by(session, model, made)
            for one in parts.beside:
                one.follow(session, shown)
        left = batch.failures | batch.unread
        work.finish(session, [claim for claim in claims if claim.key not in left])
        for claim in sorted(claims, key=lambda claim: claim.key):
            if claim.key in left:
                again = claim.key in batch.unread and claim.attempts < parts.bounds.max_attempts
                (work.retry if again else work.bury)(session, [claim], left[claim.key])


def give_up_embedding(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Say of pictures that were tried too often that they failed."""
    buried = work.bury(session, claims, reason)
    mark_failed(session, dict.fromkeys(buried, reason))


def give_up_filling(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Leave a picture out of the generation that is being built."""
    work.bury(session, claims, reason)


def _model(parts: Parts, state: str) -> str | None:
    with parts.sessions() as session:
        live = live_generations(session)
        return next((one.model for one in live if one.state == state), None)


def _embed(parts: Parts, model: str, claims: Sequence[work.Claim]) -> _Batch:
    batch = _Batch()
    with parts.sessions() as session:
        wanted = _missing(session, [claim.key for claim in claims], model)
    # A lane reads its own files: memory holds a few of them, however many are claimed.
    lanes = lanes_for(parts.encoders.threads)
    for piece in in_lanes(partial(_embed_piece, parts, model), wanted, lanes=lanes):
        batch.add(piece)
    return batch


def _embed_piece(parts: Parts, model: str, cids: Sequence[str]) -> _Batch:
    batch = _Batch()
    files = _read(parts, cids, batch)
    if files:
        _encode(parts, model, files, batch)
    return batch


def _missing(session: Session, cids: Sequence[str], model: str) -> list[str]:
    known = select(Embedding.cid).where(Embedding.cid.in_(cids), Embedding.model == model)
    there = select(Image.cid).where(Image.cid.in_(cids), Image.cid.not_in(known))
    return sorted(session.scalars(there))


def _read(parts: Parts, cids: Sequence[str], batch: _Batch) -> dict[str, bytes]:
    files = {}
    for cid in cids:
        try:
            data = parts.blobs.get(cid)
            batch.probes[cid] = probe(data, parts.limits)
        except ImageRejected as error:
            batch.failures[cid] = str(error)
        except NotFound:
            batch.failures[cid] = LOST
        except OutOfMemory as error:
            _starved(cid, error, batch)
        except Unavailable as error:
            if parts.blobs.ping() is not None:
                raise
            log.warning("image.unreadable", cid=cid, error=str(error))
            batch.unread[cid] = UNREADABLE
        else:
            files[cid] = data
    return files


def _encode(parts: Parts, model: str, files: Mapping[str, bytes], batch: _Batch) -> None:
    encoder = _encoder(parts, model)
    pictures: dict[str, Picture] = {}
    for cid, data in files.items():
        try:
            short_side = encoder.spec.preprocessing.short_side
            pictures[cid] = decode(data, parts.limits, short_side=short_side)
        except ImageRejected as error:
            batch.failures[cid] = str(error)
        except OutOfMemory as error:
            _starved(cid, error, batch)
    if not pictures:
        return
    try:
        encoded = encoder.encode(list(pictures.values()))
    except OutOfMemory:
        # All pictures are of one size here: it is the machine, and each waits until it has room.
        raise
    except Exception as error:
        _blame(encoder, error)
        raise
    for cid, vector in zip(pictures, encoded.embedding, strict=True):
        batch.vectors[cid] = pack(vector)


def _starved(cid: str, error: OutOfMemory, batch: _Batch) -> None:
    log.warning("image.starved", cid=cid, error=str(error))
    batch.unread[cid] = STARVED


def _encoder(parts: Parts, model: str) -> Encoder:
    """Load the model; that it cannot be loaded is never a picture's fault."""
    try:
        return parts.encoders.get(model)
    except Exception as error:
        log.exception("model.unloadable", model=model[:12])
        raise Unavailable(f"This worker cannot load the model {model[:12]}: {error}") from error


def _blame(encoder: Encoder, error: Exception) -> None:
    """Raise Unavailable if the encoder fails on a plain grey picture too."""
    try:
        encoder.encode([Pillow.new("RGB", (64, 64), "grey")])
    except Exception:
        log.exception("encoder.broken")
        raise Unavailable(f"The encoder does not work: {error}") from error


def _keep_vectors(
    session: Session, model: str, cids: Sequence[str], batch: _Batch
) -> tuple[set[str], set[str]]:
    """Write vectors and what the header said; return what still exists, and what had no vector."""
    lock_uses(session, ProductImage.cid.in_(cids))
    lock_uses(session, CreativeImage.cid.in_(cids), of=CreativeImage)
    # A picture may have been purged meanwhile; the shared lock keeps it from going just now.
    there = set(
        session.scalars(
            select(Image.cid)
            .where(Image.cid.in_(cids))
            .order_by(Image.cid)
            .with_for_update(read=True, key_share=True)
        )
    )
    for cid, probed in sorted(batch.probes.items()):
        if cid in there:
            session.execute(
                update(Image)
                .where(Image.cid == cid)
                .values(format=probed.format, width=probed.width, height=probed.height)
            )
    rows = [
        {"cid": cid, "model": model, "vector": vector}
        for cid, vector in batch.vectors.items()
        if cid in there
    ]
    if not rows:
        return there, set()
    new = insert(Embedding).values(rows).on_conflict_do_nothing().returning(Embedding.cid)
    return there, set(session.scalars(new))
