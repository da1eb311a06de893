"""What beat does, and how often."""

from typing import Any

from vitrine.settings import Settings
from vitrine_workers.tasks import (
    ADS_BIDS_TASK,
    ADS_CONTROL_TASK,
    CALIBRATION_TASK,
    HOUSEKEEPING_TASK,
    LEARN_TASK,
    RETENTION_TASK,
    ROLLUP_TASK,
    SWEEP_TASK,
)

HOUSEKEEPING_SECONDS = 900.0
CALIBRATION_SECONDS = 300.0
RETENTION_SECONDS = 3600.0
# Of the two weeks that it counts, an hour changes little.
ADS_BIDS_SECONDS = 900.0


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """The beat schedule. A message that finds no worker in time is dropped: the next one comes."""
    return {
        "sweep": {
            "task": SWEEP_TASK,
            "schedule": settings.sweep_seconds,
            "options": {"expires": settings.sweep_seconds},
        },
        "learn": {
            "task": LEARN_TASK,
            "schedule": settings.learn_seconds,
            "options": {"expires": settings.learn_seconds},
        },
        "roll-up": {
            "task": ROLLUP_TASK,
            "schedule": settings.rollup_seconds,
            "options": {"expires": settings.rollup_seconds},
        },
        "ads-control": {
            "task": ADS_CONTROL_TASK,
            "schedule": settings.ad_control_seconds,
            "options": {"expires": settings.ad_control_seconds},
        },
        "ads-bids": {
            "task": ADS_BIDS_TASK,
            "schedule": ADS_BIDS_SECONDS,
            "options": {"expires": ADS_BIDS_SECONDS},
        },
        "housekeeping": {
            "task": HOUSEKEEPING_TASK,
            "schedule": HOUSEKEEPING_SECONDS,
            "options": {"expires": HOUSEKEEPING_SECONDS},
        },
        "calibration": {
            "task": CALIBRATION_TASK,
            "schedule": CALIBRATION_SECONDS,
            "options": {"expires": CALIBRATION_SECONDS},
        },
        "retention": {
            "task": RETENTION_TASK,
            "schedule": RETENTION_SECONDS,
            "options": {"expires": RETENTION_SECONDS},
        },
    }
