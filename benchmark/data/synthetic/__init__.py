"""Built-in faces: a talking-head renderer in pure torch with exact ground truth and nothing to download.

`SyntheticTracks` is the source of pre-training tracks; `labelled_faces` renders the labelled sets. Importing this
package does not import torch, which happens when the first face is rendered.
"""

from benchmark.data.synthetic.faces import labelled_faces
from benchmark.data.synthetic.tracks import SyntheticTracks
from benchmark.data.synthetic.version import TRACK_VERSIONS, VERSION

__all__ = ["TRACK_VERSIONS", "VERSION", "SyntheticTracks", "labelled_faces"]
