"""Recommendation: profiles from behaviour, sources of candidates, ranking, feedback."""
