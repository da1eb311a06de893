"""The vector index: a rebuildable copy of what PostgreSQL knows, kept in Milvus.

Nothing outside this package imports pymilvus.
"""
