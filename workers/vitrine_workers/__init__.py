"""The Celery side of Vitrine: thin tasks over vitrine.ingest, and the schedule."""
