"""Turns what pymilvus raises into the errors of Vitrine."""

import grpc
from pymilvus.client.types import Status
from pymilvus.exceptions import ErrorCode, MilvusException, ParamError

from vitrine.errors import Unavailable

_LEGACY_NOT_FOUND = 4
_NOT_LOADED = 101
# The last is Milvus Lite's, while another process is making the same collection.
_ALREADY_EXISTS = ("already exist", "duplicate collection", "file exists")
_BAD_EXPRESSION = "cannot parse expression"
_SILENT = {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
# Codes of requests that are wrong in themselves: legacy IllegalArgument, and from Milvus 2.4 on
# the range of "parameter invalid".
_OUR_FAULT = {6, *range(1100, 1200)}


def is_missing_collection(error: Exception) -> bool:
    return isinstance(error, MilvusException) and (
        error.code == ErrorCode.COLLECTION_NOT_FOUND
        or error.compatible_code == _LEGACY_NOT_FOUND
        or "can't find collection" in str(error.message)
    )


def is_not_loaded(error: Exception) -> bool:
    return isinstance(error, MilvusException) and (
        _NOT_LOADED in {error.code, error.compatible_code} or "not loaded" in str(error.message)
    )


def is_already_there(error: Exception) -> bool:
    return isinstance(error, MilvusException) and any(
        words in str(error.message).lower() for words in _ALREADY_EXISTS
    )


def is_our_fault(error: Exception) -> bool:
    """A request that will fail again however healthy the server is: a bug, not an outage."""
    return isinstance(error, ParamError) or (
        isinstance(error, MilvusException)
        and (
            error.is_input_error
            or error.code in _OUR_FAULT
            or _BAD_EXPRESSION in str(error.message)
        )
    )


def is_lost_connection(error: Exception) -> bool:
    """No answer at all, as opposed to an answer that says no."""
    if isinstance(error, grpc.RpcError | grpc.FutureTimeoutError):
        return True
    return isinstance(error, MilvusException) and (
        isinstance(error.code, grpc.StatusCode) or error.code == Status.CONNECT_FAILED
    )


def is_silence(error: Exception) -> bool:
    """The server is away, hangs or takes too long: the next call would only wait as well."""
    if isinstance(error, grpc.RpcError):
        return not isinstance(error, grpc.Call) or error.code() in _SILENT
    return isinstance(error, grpc.FutureTimeoutError) or (
        isinstance(error, MilvusException)
        and (error.code in _SILENT or error.code == Status.CONNECT_FAILED)
    )


def is_answer(error: Exception) -> bool:
    """The server said no, and so it is there."""
    return isinstance(error, MilvusException | grpc.RpcError) and not is_silence(error)


def unavailable(error: Exception, *, uri: str, collection: str | None) -> Unavailable:
    """Say in one sentence what an operator can do about it."""
    if collection is not None and is_missing_collection(error):
        return Unavailable(
            f"The vector index has no collection {collection}; "
            "`vitrine index rebuild` makes it again from PostgreSQL."
        )
    if is_lost_connection(error):
        return Unavailable(f"The vector index at {uri} does not answer: {reason(error)}.")
    return Unavailable(f"The vector index at {uri} cannot do this now: {reason(error)}.")


def reason(error: Exception) -> str:
    """The first line of what went wrong, without the wrapping of gRPC."""
    if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call):
        text = f"{error.code().name.lower().replace('_', ' ')}, {error.details()}"
    elif isinstance(error, MilvusException):
        text = str(error.message) or type(error).__name__
    else:
        text = str(error) or type(error).__name__
    return text.strip().splitlines()[0][:300].rstrip(".")
