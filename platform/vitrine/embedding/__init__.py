"""From a picture to a vector: model specifications, preprocessing and the two runtimes."""
