"""When a request is sent again, and when it is given up."""

from typing import Any

import httpx

from vitrine.client.refusal import refusal, retry_after_seconds
from vitrine.client.request import Request
from vitrine.errors import Unavailable

LONGEST_PAUSE_SECONDS = 10.0
# No answer came although the request may have been served: only worth a retry if that does no harm.
_BROKEN_OFF = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_BUSY, _TOO_OFTEN = 503, 429


class Attempts:
    """The attempts of one request at one server; sends and sleeps nothing itself."""

    def __init__(self, request: Request[Any], base_url: str) -> None:
        self._request = request
        self._base_url = base_url
        self._made = 0

    def judge(self, outcome: httpx.Response | httpx.TransportError) -> httpx.Response | float:
        """Give back the answer, or the seconds to wait before the request is sent again.

        Raises ApiError for an answer that is a refusal, Unavailable if none will come.
        """
        self._made += 1
        if isinstance(outcome, httpx.TransportError):
            if not self._again_after_error(outcome):
                raise self._unavailable(outcome) from outcome
            return self._backoff()
        if outcome.is_success or outcome.status_code in self._request.answers:
            return outcome
        wait = retry_after_seconds(outcome) or 0.0
        if not self._again_after_refusal(outcome.status_code, wait):
            raise refusal(outcome)
        return min(wait or self._backoff(), LONGEST_PAUSE_SECONDS)

    def _again_after_error(self, error: httpx.TransportError) -> bool:
        if self._made >= self._request.attempts:
            return False
        # What never reached the server may be sent again, whatever it is.
        return isinstance(error, httpx.ConnectError) or (
            isinstance(error, _BROKEN_OFF) and self._request.repeatable
        )

    def _again_after_refusal(self, status: int, wait: float) -> bool:
        if self._made >= self._request.attempts:
            return False
        if status == _TOO_OFTEN:
            # Refused at the door, so nothing was done; and refused again for all of that time.
            return wait <= LONGEST_PAUSE_SECONDS
        return status == _BUSY and self._request.repeatable

    def _backoff(self) -> float:
        return min(0.1 * 3.0 ** (self._made - 1), LONGEST_PAUSE_SECONDS)

    def _unavailable(self, error: httpx.TransportError) -> Unavailable:
        what = f"{self._request.method} {self._request.url}"
        if isinstance(error, httpx.ConnectError):
            return Unavailable(
                f"Nothing answers at {self._base_url} ({error}). Is `vitrine up` running there?"
            )
        if isinstance(error, httpx.TimeoutException):
            return Unavailable(f"{self._base_url} did not answer {what} in time.")
        return Unavailable(f"{self._base_url} broke off {what}: {error}.")
