"""Ads: campaigns, which creative suits whom and where, the auction, and money that adds up."""
