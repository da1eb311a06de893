"""The servers and processes that `vitrine up` starts on this machine, and how they end."""
