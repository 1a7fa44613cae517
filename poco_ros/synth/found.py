"""Which samples the running node would have had: those whom its people finder sees and takes for people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.people.config import FinderConfig
from poco_ros.synth.shards import FOLLOWED, FROM_TRUTH, Samples


def found(samples: Samples) -> npt.NDArray[np.bool_]:
    """Return which people the node would have found: (S,) bool.

    Somebody whom the detector did not see, so that the landmark network was shown where to look, is none of them; of
    the others the landmark network's score decides. Who is followed from such a frame counts, as if he had been found
    before something covered him.
    """
    config = FinderConfig()
    followed = samples.region_source == FOLLOWED
    least = np.where(followed, config.min_presence_followed, config.min_presence)
    return np.asarray((samples.region_source != FROM_TRUTH) & (samples.landmarks.score >= least))
