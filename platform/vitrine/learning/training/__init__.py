"""Training an embedding model: one recipe in, one model folder out."""
