"""How well the click model predicts: on a log that others published."""
