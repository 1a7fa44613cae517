"""Pictures to check an exported graph with, and to calibrate a quantised one: people of a video, or made-up ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera
from poco_ros.crops import CROP_SIZE, crop_people, square_boxes
from poco_ros.engine.base import Array, TensorSpec
from poco_ros.errors import ExportError
from poco_ros.people.config import FinderConfig
from poco_ros.people.finder import PeopleFinder
from poco_ros.types import Frame
from poco_ros.video.pictures import Picture, PictureFolder
from poco_ros.video.sources import open_source

ImageArray = npt.NDArray[np.uint8]
# Neighbouring pictures of a video hardly differ.
_LEAST_SPACING = 3
_USUAL_SPACING_S = 0.5
_SEED = 20230812


def crops_from_video(source: str, count: int = 128, padding: float = 1.0) -> ImageArray:
    """Cut people out of a video or a folder of pictures, spread over its length.

    :param source: as ``poco demo`` takes it.
    :param count: most crops to return.
    :param padding: factor on the side of the boxes.
    :returns: (M, 224, 224, 3) uint8 RGB, 1 <= M <= count, in the order they were found.
    :raises ExportError: when nobody is found in it, or it is a webcam or a single picture.
    :raises VideoError: when it cannot be read.
    :raises ModelFileError: when the people finder's networks are not there.
    """
    finder = PeopleFinder(FinderConfig(tile_levels=0))
    crops: list[ImageArray] = []
    with open_source(source) as video:
        if video.live or isinstance(video, Picture):
            raise ExportError(f'{source} is a webcam or a single picture; give a video, or a folder of pictures')
        step = round(_USUAL_SPACING_S * video.fps) if video.length is None else video.length // count
        step = max(step, 1 if isinstance(video, PictureFolder) else _LEAST_SPACING)
        for image, index in video.frames():
            if index % step == 0:
                finder.reset()  # with so much time between them, nothing is to be followed
                camera = Camera.assumed(image.shape[1], image.shape[0])
                people = finder.find(Frame(image, camera, round(1e9 * index / video.fps)))
                crops += list(crop_people(image, square_boxes(people.boxes.xyxy, padding)))
    if not crops:
        raise ExportError(f'nobody is found in {source}; give a video that shows people')
    chosen = np.unique(np.linspace(0, len(crops) - 1, min(count, len(crops))).round().astype(int))
    return np.stack([crops[index] for index in chosen])


def synthetic_crops(count: int) -> ImageArray:
    """Return made-up pictures: smooth coloured noise with an upright shape before it, the same ones every time.

    :returns: (count, 224, 224, 3) uint8 RGB.
    """
    rng = np.random.default_rng(_SEED)
    pictures = np.empty((count, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    for picture in pictures:
        background, shape = (_noise(rng, cells) for cells in ((5, 5), (28, 28)))
        mask = np.zeros((CROP_SIZE, CROP_SIZE), np.float32)
        centre = rng.uniform(90, 134, 2)
        axes = (rng.uniform(20, 45), rng.uniform(70, 100))
        cv2.ellipse(mask, tuple(centre.round().astype(int).tolist()), tuple(round(axis) for axis in axes),
                    float(rng.uniform(-25, 25)), 0, 360, 1.0, -1, cv2.LINE_AA)
        soft = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
        picture[:] = np.clip(background * (1 - soft) + shape * soft, 0, 255).astype(np.uint8)
    return pictures


def feeds_for(inputs: tuple[TensorSpec, ...], crops: ImageArray) -> dict[str, Array]:
    """Return what a graph takes for some crops: with CLIFF each gets a made-up place in a made-up image.

    :param inputs: of the graph.
    :param crops: (N, 224, 224, 3) uint8 RGB.
    """
    feeds: dict[str, Array] = {'crops': np.ascontiguousarray(crops)}
    if any(spec.name == 'bbox_info' for spec in inputs):
        # What a person left or right of the centre of a 720p image gives, 200 to 700 pixels large.
        low, high = (-0.9, -0.4, -1.7), (0.9, 0.4, 3.9)
        feeds['bbox_info'] = np.random.default_rng(_SEED).uniform(low, high, (len(crops), 3)).astype(np.float32)
    return feeds


def checked_crops(crops: Array, source: str | Path = 'the calibration pictures') -> ImageArray:
    """Return crops as they are, if they are crops.

    :raises ExportError: when they are not (M, 224, 224, 3) uint8 with M >= 1.
    """
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (CROP_SIZE, CROP_SIZE, 3) or not len(crops):
        raise ExportError(f'{source} must be uint8 crops (M, {CROP_SIZE}, {CROP_SIZE}, 3) in RGB, M >= 1, '
                          f'not {crops.dtype} {crops.shape}')
    return crops


def _noise(rng: np.random.Generator, cells: tuple[int, int]) -> npt.NDArray[np.float32]:
    coarse = rng.uniform(0, 255, (*cells, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_CUBIC), np.float32)
