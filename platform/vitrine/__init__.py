"""Vitrine: self-hosted visual search for online shops."""

__version__ = "0.1.0"
