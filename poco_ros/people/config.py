"""Settings of the people finder."""

from __future__ import annotations

from dataclasses import dataclass

from poco_ros.settings import check_settings, setting


@dataclass(frozen=True)
class FinderConfig:
    """Settings of :class:`poco_ros.people.finder.PeopleFinder`; each field's metadata has description, min and max.

    :raises ConfigError: when a value is of another type or out of its range.
    """

    max_people: int = setting(8, 'most persons followed at once; the surest are kept', 1, 64)
    threads: int = setting(1, 'processor threads for each network', 1, 64)
    min_presence: float = setting(0.5, 'least presence score of a person, by the landmark network', 0.05, 0.99)
    min_presence_followed: float = setting(0.3, 'least presence score of a person who was there before', 0.05, 0.99)
    min_detection: float = setting(0.5, 'least score of a detection that is looked into', 0.05, 0.95)
    sure_detection: float = setting(0.8, 'score of a detection that needs no trial', 0.05, 1.0)
    min_second_look: float = setting(0.5, 'least score of a detection where somebody was just lost', 0.05, 0.99)
    detect_period_s: float = setting(0.25, 'seconds between detector calls while everybody is followed', 0.0, 60.0)
    recheck_s: float = setting(2.0, 'seconds a person may go unconfirmed by the detector', 0.05, 600.0)
    tile_levels: int = setting(2, 'scales of tiles for small persons, one of each per detector call; 0: none', 0, 4)
    max_trials: int = setting(3, 'most unsure detections on trial at once', 0, 64)
    trial_frames: int = setting(3, 'consecutive frames in which an unsure detection must look like a person', 1, 30)
    confirm_frames: int = setting(2, 'consecutive frames before a new person gets an identity', 1, 30)
    lost_s: float = setting(2.0, 'seconds an unseen person keeps the identity', 0.0, 600.0)

    def __post_init__(self) -> None:
        check_settings(self)
