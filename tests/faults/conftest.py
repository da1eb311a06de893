"""Fault tests work on the same in-process platform as the integration tests."""

from tests.integration.conftest import catalog, platform

__all__ = ["catalog", "platform"]
