"""Memory of denoising frames of 3,500 x 3,500 pixels with the hybrid network on a CPU. Goal: within 4 GB."""

import os
import threading
import time

import numpy as np
import psutil
import torch

from atomotion.denoise.networks import Hybrid
from atomotion.denoise.training import Scale, predict_blocks

SIDE, FRAMES = 3500, 3


class Watch:
    """The largest memory of this process while it works."""

    def __init__(self) -> None:
        self.process, self.most, self.on = psutil.Process(os.getpid()), 0, True
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        while self.on:
            self.most = max(self.most, self.process.memory_info().rss)
            time.sleep(0.02)


def main() -> None:
    frames = np.random.default_rng(0).poisson(0.25, (FRAMES, SIDE, SIDE)).astype(np.uint8)
    network = Hybrid().eval()
    for memory in (900e6, 3e9):
        watch, began = Watch(), time.perf_counter()
        blocks = predict_blocks(network, network, frames, Scale(mean=0.25, sd=0.5), memory=memory, low_precision=True)
        next(blocks)
        seconds = time.perf_counter() - began
        watch.on = False
        print(
            f"--memory {memory / 1e9:.1f} GB: process at most {watch.most / 1e9:.2f} GB (goal 4), "
            f"{SIDE**2 / seconds / 1e6:.2f} Mpx/s with {torch.get_num_threads()} threads"
        )


if __name__ == "__main__":
    main()
