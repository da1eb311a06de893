"""What search, recommendation and ads share: filters, candidates, grouping, hydration."""
