"""Which samples the running node would have had: those whom its people finder takes for people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.people.config import FinderConfig
from poco_ros.synth.shards import FOLLOWED, Samples


def found(samples: Samples) -> npt.NDArray[np.bool_]:
    """Return which people the node would have taken for people, by the score of the landmark network: (S,) bool."""
    config = FinderConfig()
    followed = samples.region_source == FOLLOWED
    least = np.where(followed, config.min_presence_followed, config.min_presence)
    return np.asarray(samples.landmarks.score >= least)
