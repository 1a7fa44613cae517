import dataclasses

import numpy as np
from synth_shards import write_dataset

from poco_ros.people.config import FinderConfig
from poco_ros.synth.found import found
from poco_ros.synth.shards import FOLLOWED, FROM_DETECTOR, FROM_TRUTH, read_dataset


def test_who_was_not_detected_is_not_found_and_who_is_followed_needs_less_presence(tmp_path):
    write_dataset(tmp_path)
    samples = read_dataset(tmp_path).take(np.arange(6))
    config = FinderConfig()
    middle = (config.min_presence + config.min_presence_followed) / 2
    score = np.array([0.99, middle, middle, 0.99, 0.01, np.nan], np.float32)
    source = np.array([FROM_TRUTH, FROM_DETECTOR, FOLLOWED, FROM_DETECTOR, FOLLOWED, FOLLOWED], np.uint8)
    landmarks = dataclasses.replace(samples.landmarks, score=score)
    samples = dataclasses.replace(samples, landmarks=landmarks, region_source=source)
    assert found(samples).tolist() == [False, False, True, True, False, False]
