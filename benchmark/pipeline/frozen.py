"""The encoder of a finished run as a module of its own, fed as the probes feed it."""

from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from benchmark.config.schema import EncoderConfig
from benchmark.config.variants import WeightsFolder
from benchmark.errors import DataError, UsageError
from benchmark.layout import CONFIG, done_file
from benchmark.pipeline.features import resize
from benchmark.pipeline.import_weights import ORIGIN
from benchmark.pipeline.run_folder import is_done
from benchmark.pipeline.saved_method import load_saved_method, saved_method_class
from benchmark.train.augment import scale_to_unit
from methods.base import Method
from plugins import code_hash, split_target

SIZE = 256  # pixels, given to an encoder that takes any size and states none


class Encoder(nn.Module):
    """Frozen encoder with its preprocessing: square RGB images of any size to embeddings.

    It computes what the probes were given: values scaled to [0, 1], images resized to the size the encoder was trained
    at (bilinear, with antialiasing), the method's ``embed``. It is in evaluation mode; the caller turns gradients off.

    Attributes:
        method: with its trained weights.
        size: side that images are resized to, pixels; None for a pretrained network, which resizes them itself.
        dim: length of an embedding.
    """

    def __init__(self, method: Method):
        super().__init__()
        self.method = method
        self.eval()
        self.size = None if method.kind == "pretrained" else method.spec.size
        with torch.inference_mode():
            self.dim = self(torch.zeros(1, 3, method.spec.size, method.spec.size)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        """Embeds images.

        Args:
            images: (B, 3, H, H), RGB: uint8, or floating point in [0, 1].

        Returns:
            Embeddings (B, ``dim``), float32.

        Raises:
            UsageError: images of another shape, type or range.
        """
        if not isinstance(images, Tensor):
            raise UsageError(f"expected images as a torch tensor, got {type(images).__name__}; see torch.from_numpy")
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
            raise UsageError(
                f"expected square RGB images (B, 3, H, H), got {tuple(images.shape)}; cut a square around each face"
            )
        if images.dtype == torch.uint8:
            images = scale_to_unit(images)
        elif not images.is_floating_point():
            raise UsageError(f"expected uint8 images, or floating point in [0, 1], got {images.dtype}")
        elif images.numel() and not (images.min() >= 0 and images.max() <= 1):
            raise UsageError("expected floating point images in [0, 1]; divide them by 255, or give uint8")
        images = images.float()
        return self.method.embed(resize(images, self.size) if self.size else images).float()


def load_encoder(folder: Path) -> Encoder:
    """The encoder of a finished run, or of imported weights.

    Raises:
        UsageError: a ceiling, which predicts the labels of its task.
        DataError: there is no finished run in the folder, its method's file has changed since, or its weights are
            broken.
    """
    check_finished(folder)
    if saved_method_class(folder).kind == "ceiling":
        raise UsageError(f"{folder}: a ceiling predicts the labels of its task and has no embedding; name another run")
    return Encoder(load_saved_method(folder, EncoderConfig(), SIZE))


def check_finished(folder: Path) -> None:
    """Refuses a folder that holds neither imported weights nor a run whose training is finished.

    Raises:
        DataError: it does not, its files were altered after the run, or so was the file that defines its method.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder of a finished run, or one of fabbench import")
    about = WeightsFolder(folder).description  # refuses a folder of another kind
    if (folder / ORIGIN).is_file():
        return
    run = yaml.safe_load((folder / CONFIG).read_text())
    if not done_file(folder, "pretrain").is_file():
        raise DataError(f"{folder}: this run is not trained yet; the command that began it goes on with it")
    if not is_done(folder, "pretrain", run.get("key", "")):
        raise DataError(f"{folder}: files of this run were altered after it; run the benchmark again")
    encoder = about.encoder.name if about.encoder else ""
    for target, code in ((about.method, run.get("code")), (encoder, run.get("encoder_code"))):
        source, _ = split_target(target)
        if code is not None and isinstance(source, Path) and source.is_file() and code_hash(source) != code:
            raise DataError(f"{folder}: {source} has changed since this run; restore it, or run the benchmark again")
