"""What improves search and measures it: data sets, training, evaluation."""
