"""Accounts: advertisers, their campaigns and creatives, as the ad system keeps them here."""
