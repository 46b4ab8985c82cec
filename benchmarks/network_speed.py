"""What networks cost: a step of training and a pixel of prediction, of hybrid beside the published UDVD.

Goal on a CPU: a step of hybrid takes at most 1/30 of UDVD's time, at equal precision, batch and window of pixels. Both
networks' PSNR after the same time of training on the simulated rotating Pt movie stands beside it (``--seconds``, 0
leaves it out). On a GPU: millions of pixels per second in bfloat16, with batches sized to the card, beside the card's
own arithmetic (a large matrix product) and beside the published recipe in plain float32.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.learned import train_model
from atomotion.denoise.networks import Hybrid, Network, Udvd
from atomotion.denoise.stabilise import NoiseScale
from atomotion.quality import psnr
from atomotion.simulate import recipe, simulate_movie

SIDE = 64


def arithmetic(network: Network) -> float:
    """Multiplications and additions per pixel of prediction."""
    device = next(network.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros((1, network.window, SIDE, SIDE), device=device))
    return counter.get_total_flops() / SIDE**2


def fastest(run: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of several runs."""
    times = []
    for _ in range(rounds):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        began = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return min(times)


def training_step(network: Network, batch: int, side: int, *, low: bool, rounds: int) -> float:
    """Seconds of forward, backward and optimiser."""
    device = next(network.parameters()).device
    frames = torch.randn((batch, network.window, side, side), device=device)
    frames = frames.contiguous(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=low):
            found = network(frames)
        found.float().square().mean().backward()
        optimiser.step()

    step()
    return fastest(step, rounds)


def prediction(network: Network, batch: int, side: int, *, low: bool, rounds: int) -> float:
    device = next(network.parameters()).device
    frames = torch.randn((batch, network.window, side, side), device=device)
    frames = frames.contiguous(memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=low):
            network(frames)

    run()
    return fastest(run, rounds)


def on_cpu(rounds: int) -> None:
    hybrid = Hybrid().to(memory_format=torch.channels_last)
    udvd = Udvd().to(memory_format=torch.channels_last)
    print(f"CPU, {torch.get_num_threads()} threads, pieces of {SIDE} x {SIDE}")
    print(
        f"  arithmetic per pixel: hybrid {arithmetic(hybrid) / 1e3:.0f} kFLOP, udvd {arithmetic(udvd) / 1e3:.0f} kFLOP"
    )
    for low in (False, True):
        for batch in (1, 4):
            words = f"training step, {'bfloat16' if low else 'float32'}, batch {batch}"
            slow = training_step(udvd, batch, SIDE, low=low, rounds=max(2, rounds // 3))
            fast = training_step(hybrid, batch, SIDE, low=low, rounds=rounds)
            print(f"  {words}: hybrid {1e3 * fast:.1f} ms, udvd {1e3 * slow:.0f} ms, ratio {slow / fast:.0f}")
        slow = prediction(udvd.eval(), 1, SIDE, low=low, rounds=max(2, rounds // 3))
        fast = prediction(hybrid.eval(), 1, SIDE, low=low, rounds=rounds)
        print(f"  prediction, {'bfloat16' if low else 'float32'}: ratio {slow / fast:.0f}")
        hybrid.train(), udvd.train()


def after_the_same_time(seconds: float) -> None:
    made = simulate_movie(recipe("rotating_pt"), np.random.default_rng(0))
    noisy, clean = (
        np.asarray(each[:], dtype=np.float32).reshape(-1, 64, 2, 64, 2).sum(axis=(2, 4))
        for each in (made.movie.frames, made.clean)
    )
    noise = NoiseScale(sd=float(noisy.std()), mean=float(noisy.mean()), units_per_electron=1.0)
    for method in ("hybrid", "udvd"):
        config = replace(DenoiseConfig(method=method), budget=seconds)
        model, looks = train_model(noisy, config, noise, device="cpu")
        found = np.concatenate([values for _, values, _ in model.blocks(noisy, noise, device="cpu")])
        print(f"  after {seconds:.0f} s: {method} {psnr(clean, found):.2f} dB ({looks[-1].step} steps)")


def on_gpu(rounds: int) -> None:
    if not torch.cuda.is_available():
        print("GPU: none here, nothing measured")
        return
    device = torch.device("cuda")
    size = 8192
    a = torch.randn((size, size), device=device, dtype=torch.bfloat16)
    card = 2 * size**3 / fastest(lambda: a @ a, rounds)
    print(f"GPU: {torch.cuda.get_device_name(0)}, {card / 1e12:.0f} TFLOP/s in a matrix product of bfloat16")
    for name, made, side in (("hybrid", Hybrid(width=48), 128), ("udvd", Udvd(), 128)):
        network = made.to(device).to(memory_format=torch.channels_last)
        work = arithmetic(network)
        for low in (True, False):
            batch, best = 1, 0.0
            while batch <= 512:
                try:
                    seconds = training_step(network, batch, side, low=low, rounds=rounds)
                except torch.OutOfMemoryError:
                    break
                best, batch = max(best, batch * side**2 / seconds), 2 * batch
            seen = max(
                size * side**2 / prediction(network.eval(), size, side, low=low, rounds=rounds) for size in (8, 32)
            )
            network.train()
            print(
                f"  {name} {'bfloat16' if low else 'float32'}: training {best / 1e6:.1f} Mpx/s "
                f"({3 * work * best / card:.1%} of the card), prediction {seen / 1e6:.1f} Mpx/s"
            )
    plain = Udvd(final_relu=True).to(device)
    seconds = training_step(plain, 1, 256, low=False, rounds=rounds)
    print(f"  published recipe, float32, one piece of 256 x 256: training {256**2 / seconds / 1e6:.2f} Mpx/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=60.0, help="training time for the comparison of PSNR")
    given = parser.parse_args()
    on_cpu(given.rounds)
    if given.seconds:
        after_the_same_time(given.seconds)
    on_gpu(given.rounds)


if __name__ == "__main__":
    main()
