"""From a received picture to a searchable one: embed, sync, purge, and the repairs around them."""
