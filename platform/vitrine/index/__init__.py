"""The vector index: a rebuildable image of Postgres in Milvus, and the only user of pymilvus."""
