"""What beat does, and how often."""

from typing import Any

from vitrine_workers.tasks import CALIBRATION_TASK, HOUSEKEEPING_TASK, LEARN_TASK, SWEEP_TASK

HOUSEKEEPING_SECONDS = 900.0
CALIBRATION_SECONDS = 300.0


def schedule(sweep_seconds: float, learn_seconds: float) -> dict[str, dict[str, Any]]:
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
    }
