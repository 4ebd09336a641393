"""The supervised ceiling in the training loop."""

from dataclasses import replace
from pathlib import Path

import torch

from benchmark.config.schema import AugmentConfig
from benchmark.data.batches import LabelledBatches
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.train.loop import pretrain
from benchmark.train.supervised import task_coding, task_loss
from methods.supervised import Supervised
from tests.benchmark.train.runs import CONFIG, SPEC, metrics


def test_ceiling_learns_landmarks_from_labels(tmp_path: Path, faces: LabelledSet) -> None:
    target = faces.targets["landmarks"]
    coding = task_coding(faces, target)
    torch.manual_seed(0)
    method = Supervised(SPEC, {}, outputs=coding.width, loss=task_loss(coding))
    batches = LabelledBatches(faces, target, "train", 16, (0, 0))
    val_batches = LabelledBatches(faces, target, "val", 16, (1,))
    config = replace(CONFIG, steps=150, batch_size=16, epoch_samples=160, val_samples=32, lr=3e-3)
    pretrain(method, batches, val_batches, config=config, augment=AugmentConfig(), seed=0, folder=tmp_path)
    losses = [line["val_loss"] for line in metrics(tmp_path) if "val_loss" in line]
    assert losses[-1] < 0.5, "predicting the mean of standardised landmarks has an error of 1"
