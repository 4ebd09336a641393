"""Device and precision of a training run."""

import torch

from benchmark.errors import DataError


def pick_device(name: str) -> torch.device:
    """The device called ``name``; `auto` is the GPU if there is one, otherwise the CPU.

    Raises:
        DataError: a GPU is asked for, and torch finds none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise DataError("train.device=cuda, but torch finds no GPU here; use train.device=auto")
    return torch.device(name)


def uses_bfloat16(amp: str, device: torch.device) -> bool:
    """Whether `train.amp` means autocasting to bfloat16 on ``device``.

    `auto` does so on GPUs with native bfloat16 only: emulated on a CPU it is many times slower than float32.
    """
    if amp == "bf16":
        return True
    return amp == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
