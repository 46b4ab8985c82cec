"""Whether a movie is raw or has been processed, as its own facts tell."""

from atomotion.data import Movie


def is_denoised(movie: Movie) -> bool:
    """Whether the file says that a program has denoised it; what says nothing counts as raw."""
    return "denoised" in str(movie.metadata.get("processing", ""))
