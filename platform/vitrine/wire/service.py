"""What the platform says about itself: problems (RFC 9457) and readiness."""

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from vitrine.wire.base import Sent, without_null_defaults


class ProblemField(Sent):
    """One wrong field."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the request.")
    detail: str


class Problem(Sent):
    """Why a request was not served (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    type: str = Field("about:blank", examples=["/problems/not-found"])
    title: str = ""
    status: int
    detail: str = ""
    instance: str = Field("", description="Id of the request, as `X-Request-ID` and the log say.")
    errors: list[ProblemField] = Field(default_factory=list)
    code: str | SkipJsonSchema[None] = Field(
        None,
        description="Stable name of what is wrong with a picture; only in `image-rejected`.",
        examples=["unsupported-format"],
    )

    @property
    def slug(self) -> str:
        """The stable last part of `type`."""
        return self.type.rsplit("/", 1)[-1]


class Alive(Sent):
    """The process answers."""

    status: str = "ok"
    version: str


class Check(Sent):
    """One dependency."""

    ok: bool
    reason: str | None = Field(None, description="What is wrong and how to put it right.")


class Readiness(Sent):
    """Whether the platform can serve, and what stands in the way."""

    ready: bool
    checks: dict[str, Check]
