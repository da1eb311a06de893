"""What was shown: the signed token that every later event quotes."""
