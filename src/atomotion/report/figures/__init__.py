"""One file per picture: arrays in, a matplotlib figure out."""
