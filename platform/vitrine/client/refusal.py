"""What an answer says: the model that was asked for, or why there is none."""

from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from vitrine.errors import FieldError, VitrineError
from vitrine.wire import Problem

Model = TypeVar("Model", bound=BaseModel)


class ApiError(VitrineError):
    """The api refused the request; `problem` is its document, `str(error)` its sentence.

    `retry_after_seconds` is how long to wait before the same request has a chance, if it said so.
    """

    def __init__(self, problem: Problem, *, retry_after_seconds: float | None = None) -> None:
        errors: list[FieldError] = [
            {"pointer": field.pointer, "detail": field.detail} for field in problem.errors
        ]
        super().__init__(
            problem.detail or problem.title or f"status {problem.status}", errors=errors
        )
        self.problem = problem
        self.status = problem.status
        self.slug = problem.slug
        self.title = problem.title
        self.detail = problem.detail
        self.code = problem.code
        self.request_id = problem.instance
        self.retry_after_seconds = retry_after_seconds


def refusal(response: httpx.Response) -> ApiError:
    """Make the error of an answer that is none."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        # Not ours: a proxy in between, or another server.
        problem = Problem(
            title=response.reason_phrase or "Error",
            status=response.status_code,
            detail=f"{response.url} answered {response.status_code} {response.reason_phrase}.",
        )
    return ApiError(problem, retry_after_seconds=retry_after_seconds(response))


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Read `Retry-After`; None if it is not there, or is a date (which only proxies send)."""
    text: str = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def read_model(model: type[Model], response: httpx.Response) -> Model:
    """Read the answer; raises ApiError if it is something else."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise ApiError(
            Problem(
                title="The answer cannot be read",
                status=response.status_code,
                detail=f"{response.url} answered with something that is not a "
                f"{model.__name__}: is this the address of a Vitrine api?",
            )
        ) from error
