"""Built-in faces: a talking-head renderer in plain torch with exact ground truth, and nothing to download.

``SyntheticTracks`` is the source of pre-training tracks, ``labelled_faces`` makes the probe sets. Importing this
package is quick; torch is imported when the first face is rendered.
"""

from benchmark.data.synthetic.faces import labelled_faces
from benchmark.data.synthetic.tracks import SyntheticTracks
from benchmark.data.synthetic.version import VERSION

__all__ = ["VERSION", "SyntheticTracks", "labelled_faces"]
