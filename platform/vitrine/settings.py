"""Typed settings: the only reader of the environment.

A value comes from the first of: a `VITRINE_…` variable, the file `<data dir>/running.json` that
`vitrine up` writes (so that a second shell finds the platform without a variable), the default.
"""

import difflib
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from vitrine.errors import Misconfigured
from vitrine.wire.names import CATEGORY
from vitrine.wire.reading import sentence

RUNNING_FILE = "running.json"
KEYS_FILE = "keys.json"
MIB = 1024 * 1024


class Settings(BaseSettings):
    """All that an operator can set. `repr` shows no secret."""

    model_config = SettingsConfigDict(env_prefix="VITRINE_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path(".vitrine"), description="Where the embedded stack keeps its data.")
    host: str = Field("127.0.0.1", description="Address the api listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port the api listens on.")
    api_url: str = Field("", description="Base URL of the api for clients; from host and port.")

    database_url: str = Field(
        "postgresql+psycopg2://vitrine:vitrine@127.0.0.1:5432/vitrine",
        repr=False,
        description="SQLAlchemy URL of PostgreSQL.",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", repr=False, description="Redis: broker and short-lived state."
    )
    milvus_uri: str = Field("http://127.0.0.1:19530", description="Milvus or Milvus Lite server.")
    milvus_token: str = Field("", repr=False, description="Milvus `user:password`, if set.")
    blob_url: str = Field("", description="fsspec URL for pictures; default `<data dir>/blobs`.")
    secret_key: str = Field(
        "",
        repr=False,
        description="Signs the tokens; at least 32 characters. `vitrine up` makes one.",
    )

    model: str = Field("vitrine-r18", description="Embedding model that a fresh shop starts with.")
    models_dir: Path | None = Field(
        None, description="Where exported models are kept; default `<data dir>/models`."
    )
    runtime: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="What computes embeddings: auto is openvino."
    )
    precision: Literal["auto", "fp32", "int8"] = Field(
        "auto", description="Form of the model that openvino runs: auto is int8 where it is good."
    )
    currency: str = Field("EUR", description="The shop's one currency.")

    max_image_bytes: PositiveInt = Field(20 * MIB, description="Largest accepted picture file.")
    max_image_pixels: PositiveInt = Field(
        50_000_000, description="Most pixels (width × height) a picture may have."
    )
    max_request_bytes: PositiveInt = Field(128 * MIB, description="Largest accepted request.")
    max_images_per_product: PositiveInt = Field(12, description="Pictures one product may have.")

    search_memory_seconds: PositiveInt = Field(
        900, description="How long the next page and the explanation of a search can be asked for."
    )
    upload_seconds: PositiveInt = Field(
        900, description="How long `POST /v1/uploads` keeps a query photo, in Redis."
    )
    empty_search_days: PositiveInt = Field(
        90, description="How long searches that found nothing are kept for the shop to read."
    )
    event_days: PositiveInt = Field(
        395, description="How long events of shoppers are kept; older ones are not taken in."
    )
    decision_days: PositiveInt = Field(
        90,
        description="How long it is kept what was shown to whom, and the answers to it.",
        validate_default=True,
    )
    out_of_catalogue_false_rejections: float = Field(
        0.01,
        ge=0,
        le=0.5,
        description="Share of photos of what is sold that may be taken for something else; 0: none "
        "is ever rejected.",
    )

    event_weights: Annotated[dict[str, float], NoDecode] = Field(
        default_factory=dict,
        description="What an event says about what somebody likes: JSON, put over the defaults.",
    )
    interest_half_life_days: float = Field(
        30.0, gt=0, allow_inf_nan=False, description="After so many days an event counts half."
    )
    profile_events: PositiveInt = Field(
        1000, le=10_000, description="How many of somebody's last events make their profile."
    )
    bought_days: int = Field(
        60, ge=0, description="What was bought is not recommended for so many days."
    )
    replenishable_categories: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Categories of what is used up and bought again, with commas between them.",
    )
    diversity: float = Field(
        0.25, ge=0, le=1, description="How different from each other recommendations are."
    )
    rollup_seconds: float = Field(
        300.0, gt=0, description="How often what goes together and what is wanted is counted anew."
    )
    pair_days: PositiveInt = Field(
        90, description="Baskets of so many days tell what goes together."
    )
    trend_half_life_days: float = Field(
        7.0, gt=0, description="After so many days an event counts half for what is wanted now."
    )
    exploration: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="How often a recommendation after the first is drawn to learn from it; 0: "
        "never.",
    )
    feedback_seconds: float = Field(
        1800.0, gt=0, description="What was seen and not clicked in this time is taken as declined."
    )
    learn_seconds: float = Field(
        10.0, gt=0, description="How often the ranker learns from what came in."
    )

    ad_relevance_floor: float = Field(
        0.2, ge=0, le=1, description="No ad that is less relevant is shown, whatever it pays."
    )
    ad_relevance_exponent: float = Field(
        1.0, ge=0, le=4, description="How much relevance counts beside what an ad is worth."
    )
    ad_max_loss: float = Field(
        0.1, ge=0, le=1, description="How much less similar an ad may be than what it displaces."
    )
    ad_reserve_micros: int = Field(
        0, ge=0, description="The least that a thousand impressions of an ad have to be worth."
    )
    ad_exploration: float = Field(
        1.0, ge=0, le=10, description="How much the unknown of new creatives counts; 0: nothing."
    )
    ad_token_seconds: PositiveInt = Field(
        86_400, description="How long impressions and clicks of an ad are counted."
    )
    ad_reservation_seconds: PositiveInt = Field(
        900, description="How long the expected cost of an ad is kept free for it."
    )
    ad_attribution: Literal["last_touch", "position_based"] = Field(
        "last_touch", description="What ads a conversion is billed to."
    )
    ad_clicks_per_minute: PositiveInt = Field(
        10,
        description="More clicks of one person are marked as invalid; of one address, 20 times "
        "as many.",
    )
    ad_control_seconds: float = Field(
        10.0, gt=0, description="How often the pace of campaigns is adjusted."
    )

    api_threads: PositiveInt = Field(8, description="Request threads of one api process.")
    api_processes: PositiveInt = Field(1, description="Api processes.")
    worker_processes: PositiveInt = Field(2, description="Processes of one worker.")
    embed_batch: PositiveInt = Field(16, description="Pictures embedded at once.")
    sync_batch: PositiveInt = Field(128, description="Index rows written at once.")
    lease_seconds: PositiveInt = Field(60, description="A worker that is silent so long is dead.")
    max_attempts: PositiveInt = Field(5, description="After so many tries work is given up.")
    sweep_seconds: float = Field(10.0, gt=0, description="How often beat rings for forgotten work.")
    dependency_timeout_seconds: float = Field(
        5.0, gt=0, description="Longest wait for one call to PostgreSQL, Redis or Milvus."
    )
    request_deadline_seconds: float = Field(
        10.0, gt=0, description="Longest that a request may take once its body has arrived."
    )

    rate_limit_per_minute: int = Field(6000, ge=0, description="Requests of one key; 0: no limit.")
    rate_limit_per_address: int = Field(
        600, ge=0, description="Requests a minute of one address with a browser key; 0: no limit."
    )
    trusted_proxies: int = Field(
        0, ge=0, description="Proxies before the api whose X-Forwarded-For is believed."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, json elsewhere."
    )

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, code: str) -> str:
        if not re.fullmatch(r"[A-Z]{3}", code):
            raise PydanticCustomError("currency", 'must be three capital letters, such as "EUR"')
        return code

    @field_validator("decision_days")
    @classmethod
    def _are_kept_no_longer_than_events(cls, days: int, others: ValidationInfo) -> int:
        # An ad that is kept longer than its events could be charged for them a second time.
        event_days = others.data.get("event_days")
        if event_days is not None and days > event_days:
            raise PydanticCustomError(
                "decision_days",
                "must be at most VITRINE_EVENT_DAYS, which is {event_days}: what was shown is not "
                "kept longer than what came of it",
                {"event_days": event_days},
            )
        return days

    @field_validator("event_weights", mode="before")
    @classmethod
    def _are_weights(cls, given: Any) -> Any:
        try:
            weights = json.loads(given) if isinstance(given, str) and given.strip() else given or {}
        except ValueError:
            weights = None
        if not isinstance(weights, dict) or not all(
            isinstance(weight, int | float) for weight in weights.values()
        ):
            raise PydanticCustomError(
                "weights",
                "must be a JSON object of numbers, such as {example}",
                {"example": '{"add_to_wishlist": 2}'},
            )
        return weights

    @field_validator("replenishable_categories", mode="before")
    @classmethod
    def _are_categories(cls, given: Any) -> Any:
        paths = given.split(",") if isinstance(given, str) else given
        paths = [path.strip().strip("/") for path in paths if path.strip()]
        if wrong := next((path for path in paths if not CATEGORY.fits(path)), None):
            raise PydanticCustomError(
                "category", "names {path}; each must be {words}",
                {"path": repr(wrong), "words": CATEGORY.words},
            )  # fmt: skip
        return paths

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, values: Any) -> Any:
        if isinstance(values, dict):
            data_dir = Path(values.get("data_dir") or ".vitrine").absolute()
            values["data_dir"] = data_dir
            values["models_dir"] = values.get("models_dir") or data_dir / "models"
            values["blob_url"] = values.get("blob_url") or f"file://{data_dir / 'blobs'}"
            host, port = values.get("host") or "127.0.0.1", values.get("port") or 8080
            reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104
            values["api_url"] = (values.get("api_url") or f"http://{reachable}:{port}").rstrip("/")
        return values

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        known = {**env_settings(), **init_settings()}
        data_dir = Path(known.get("data_dir") or ".vitrine")
        running = InitSettingsSource(settings_cls, read_running(data_dir))
        return init_settings, env_settings, running

    @property
    def model_store(self) -> Path:
        """`models_dir`, which is never empty once the settings are made."""
        assert self.models_dir is not None
        return self.models_dir


def read_running(data_dir: Path) -> dict[str, Any]:
    """Read what `vitrine up` wrote about the platform that runs on `data_dir`; empty if nothing."""
    try:
        found = json.loads((data_dir / RUNNING_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def unknown_variables() -> dict[str, str]:
    """Find the VITRINE_… variables that are no setting, which are typing errors, each in words."""
    prefix = "VITRINE_"
    known = [name.upper() for name in Settings.model_fields]
    found = {}
    for name in sorted(os.environ):
        written = name.upper().removeprefix(prefix)
        if name.upper().startswith(prefix) and written not in known:
            near = difflib.get_close_matches(written, known, n=1)
            meant = f"did you mean {prefix}{near[0]}?" if near else "docs/settings.md lists them"
            found[name] = f"is no setting and has no effect; {meant}"
    return found


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Read the settings of this process, once. Raises Misconfigured, naming each variable."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"VITRINE_{'_'.join(map(str, item['loc'])).upper()} {sentence(item)}"
            for item in error.errors()
        )
        raise Misconfigured(f"A setting cannot be used. {wrong}.") from error
