"""A labelled set in one file: a folder of images for each class."""

from dataclasses import dataclass

import numpy as np

from benchmark.config.own import FaceSet, register_set
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import Target
from benchmark.data.sets.files import SetFiles, below, image_reader
from benchmark.data.sets.squares import middle_square


@register_set("folders", version=1)
@dataclass(frozen=True)
class Folders(FaceSet):
    """ROOT/CLASS/*.jpg, split at random."""

    suffix: str = ".jpg"

    def find(self) -> SetFiles:
        return SetFiles(self.folder(), labels=[], images=[self.folder()])

    def read(self) -> RawFaces:
        images = [path.relative_to(self.folder()) for path in below(self.folder(), self.suffix)]
        names, labels = np.unique([image.parts[0] for image in images], return_inverse=True)
        ids = [str(image) for image in images]
        return RawFaces(
            ids=ids,
            content=image_reader(self.folder(), ids),
            square=middle_square,  # of each image; others crop by boxes or landmarks
            targets={"class": Target("classes", labels, np.ones(len(ids), np.bool_), tuple(map(str, names)))},
            protocol={"source": "folders of images", "crop": {"kind": "the middle square"}},
        )
