"""Pictures as bytes: content ids, safe decoding, rendering for the web, and the blob store."""
