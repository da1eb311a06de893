"""Jobs: how a seller watches what their request set in motion."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from vitrine.wire.base import Sent

JobState = Literal["queued", "running", "done", "failed"]
# Text for the client, which may be older than the server and its kinds.
JobKind = Annotated[
    str,
    WithJsonSchema({"type": "string", "enum": ["product.put", "product.patch", "product.delete"]}),
]
JobImageState = Literal["pending", "searchable", "failed", "removed"]


class JobCounts(Sent):
    """How many pieces of work the job waits for, by where they stand."""

    total: int = 0
    pending: int = 0
    searchable: int = 0
    failed: int = 0
    removed: int = 0


class JobImage(Sent):
    """One picture of the job."""

    id: str = Field(description="Content id of the picture.")
    state: JobImageState
    reason: str | None = None


class JobError(Sent):
    """Something that went wrong; a job may be done and still hold failed pictures."""

    image: str | None = Field(None, description="Content id, if the error is about a picture.")
    reason: str


class JobOut(Sent):
    """A job; it ends as `done` or `failed`."""

    id: str
    kind: JobKind
    state: JobState
    product: str | None = None
    counts: JobCounts
    images: list[JobImage] = Field(default_factory=list)
    errors: list[JobError] = Field(default_factory=list)
    created_at: datetime
    finished_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in {"done", "failed"}


class JobRef(Sent):
    """The job that a request started."""

    job: JobOut
