"""Movies larger than memory: opened at once, streamed in blocks, never resident as a whole."""

import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from atomotion.io import mrc, npy, tiff
from atomotion.io.movie import read_movie
from atomotion.io.stored import NewArray
from atomotion.io.writer import frames_per_block

SHAPE = (1500, 2048, 1024)  # 6.3 GB of uint16, of which a sparse file takes nothing
BLOCK = 8 * 2048 * 1024 * 2  # bytes

STREAM = """
import resource, sys
from atomotion.io.movie import read_movie
from atomotion.io.writer import frames_per_block
movie = read_movie(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
step = frames_per_block(movie.frames)
for start in range(0, len(movie), step):
    movie.frames[start : start + step].max()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture(params=[".mrcs", ".npy", ".tif"])
def sparse(request, tmp_path):
    path = tmp_path / f"m{request.param}"
    create = {".mrcs": mrc.create_mrc, ".npy": npy.create_npy, ".tif": tiff.create_tiff}[request.param]
    create(path, NewArray(shape=SHAPE, dtype=np.dtype(np.uint16))).close(complete=False)
    if request.param != ".tif":  # a TIFF has its full size from the start
        os.truncate(path, path.stat().st_size + int(np.prod(SHAPE)) * 2)
    if path.stat().st_blocks * 512 > 1 << 28:
        pytest.skip("this file system has no sparse files")
    return path


def test_opening_takes_no_time_and_reading_takes_a_block(sparse):
    read_movie(sparse)  # whatever is imported first
    tracemalloc.start()
    start = time.perf_counter()
    movie = read_movie(sparse)
    assert time.perf_counter() - start < 0.5  # reading it would take several seconds
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    assert frames_per_block(movie.frames) == 8
    for first in range(0, 64, 8):
        movie.frames[first : first + 8].max()
    movie.frames[1499]
    assert tracemalloc.get_traced_memory()[1] < 2 * BLOCK
    tracemalloc.stop()


def test_binning_a_block_takes_the_block_and_one_frame(sparse):
    movie = read_movie(sparse, bin=2)
    tracemalloc.start()
    movie.frames[0:16]
    result = 16 * 1024 * 512 * 4
    frame = 2048 * 1024 * 2
    assert tracemalloc.get_traced_memory()[1] < result + 4 * frame
    tracemalloc.stop()


@pytest.mark.slow
def test_streaming_the_whole_movie_stays_small(sparse):
    done = subprocess.run([sys.executable, "-c", STREAM, str(sparse)], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 3 * BLOCK
