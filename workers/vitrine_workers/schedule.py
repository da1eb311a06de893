"""What beat does, and how often."""

from typing import Any

from vitrine_workers.tasks import (
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


def schedule(
    sweep_seconds: float, learn_seconds: float, rollup_seconds: float
) -> dict[str, dict[str, Any]]:
    """The beat schedule. A message that finds no worker in time is dropped: the next one comes."""
    return {
        "sweep": {
            "task": SWEEP_TASK,
            "schedule": sweep_seconds,
            "options": {"expires": sweep_seconds},
        },
        "learn": {
            "task": LEARN_TASK,
            "schedule": learn_seconds,
            "options": {"expires": learn_seconds},
        },
        "roll-up": {
            "task": ROLLUP_TASK,
            "schedule": rollup_seconds,
            "options": {"expires": rollup_seconds},
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
