"""How well a model finds: ranking, metrics, intervals, and the report that people read."""
