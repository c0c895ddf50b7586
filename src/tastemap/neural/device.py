"""Where tensors live, and how many threads work on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from tastemap.linalg.threads import thread_count

WORTH_SHARING = 500_000
"""Elements from which several threads work on a tensor."""


def pick_device(name: Literal["auto", "cpu", "cuda"]) -> tuple[torch.device, str | None]:
    """The device to train on, and a sentence for the user if it is not the one asked for.

    ``auto`` takes a CUDA device where there is one; ``cuda`` falls back to the processor.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu"), None
    if torch.cuda.is_available():
        return torch.device("cuda"), None
    return torch.device(
        "cpu"
    ), "device=cuda was asked for, but PyTorch finds no CUDA device: training on the CPU."


@contextmanager
def own_threads(n_elements: int) -> Iterator[None]:
    """Run the block with the torch threads that suit tensors of up to `n_elements`, then restore the number.

    Large tensors get as many threads as the rest of Tastemap. Small ones get one: waking a second thread for
    each of thousands of short operations costs more than it saves, and much more on a busy machine.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(thread_count() if n_elements >= WORTH_SHARING else 1)
    # The means of gradients of rows that are long not met decay into numbers so small that arithmetic with
    # them takes a hundred times longer; they count as 0.
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
