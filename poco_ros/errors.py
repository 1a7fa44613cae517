"""Exceptions of the package. Every message says what is wrong, where, and how to mend it."""


class PocoError(Exception):
    """Base of all errors that poco_ros raises on purpose."""


class ImageError(PocoError):
    """An image cannot be read: encoding, step, size or data do not fit together."""


class CameraError(PocoError):
    """Camera parameters are missing or unusable."""


class BodyModelError(PocoError):
    """A body-model file is missing, broken, unsafe or not SMPL-shaped."""


class ModelFileError(PocoError):
    """A network file is missing, corrupt, or cannot be fetched or cached."""


class EngineError(PocoError):
    """An inference engine cannot be loaded or does not fit what the code expects."""


class VideoError(PocoError):
    """A video, picture folder or camera device cannot be opened or read."""


class ConfigError(PocoError, ValueError):
    """A parameter or command-line value is out of range or contradicts another."""


class CheckpointError(PocoError):
    """A checkpoint is unsafe, truncated, of another network, or its weights are not usable."""


class ExportError(PocoError):
    """A network cannot be exported, or the exported graph does not do what the network does."""


class DatasetError(PocoError):
    """A data set, or a shard, label or picture of it, is missing, broken or contradicts the rest."""


class CalibrationError(PocoError):
    """A calibration is missing, broken, was made for other weights, or cannot be made from so few sequences."""


class TrainingError(PocoError):
    """Training cannot go on: the loss is no number, or the memory does not suffice."""
