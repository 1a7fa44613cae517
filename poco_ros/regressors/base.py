"""What every regressor is to the rest of the package: people of a frame in, bodies out, and a record of what ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from poco_ros.types import NUM_JOINTS, Bodies, FloatArray, Frame, People


@dataclass(frozen=True)
class RegressorInfo:
    """Provenance of a regressor, as ``BodyModelInfo`` carries it. Text that is not known is empty.

    :param model: name, e.g. 'blazepose_lift'.
    :param model_version: version of the regressor's own code or weights.
    :param weights_hash: sha256 of the weights file(s), lower-case hexadecimal.
    :param graph_hash: sha256 of the compiled graph's source (ONNX, tflite).
    :param engine: e.g. 'openvino 2026.4.1'.
    :param engine_hash: sha256 of the compiled engine; empty where it is compiled at each start.
    :param precision: e.g. 'fp32'.
    :param device: e.g. 'CPU: AMD EPYC'.
    :param licence: of the weights.
    :param uncertainty_definition: what ``joint_uncertainty`` and ``uncertainty`` are, in words, with their ranges.
    """

    model: str
    model_version: str = ''
    weights_hash: str = ''
    graph_hash: str = ''
    engine: str = ''
    engine_hash: str = ''
    precision: str = ''
    device: str = ''
    licence: str = ''
    uncertainty_definition: str = ''


@dataclass(frozen=True)
class Evidence:
    """What a regressor knows of N persons beside their bodies; a calibration turns it into millimetres.

    :param seen: (N, 24) float32 in [0, 1], how far what defines each joint was seen; NaN where this is not
        known.
    :param features: (N, F) float32, numbers that tell familiar input from unfamiliar, such as what the network's heads
        read; a row of NaN where there are none for a person. None from a regressor without any.
    """

    seen: FloatArray
    features: FloatArray | None = None

    @staticmethod
    def none(n: int) -> Evidence:
        """Nothing is known of N persons."""
        return Evidence(np.full((n, NUM_JOINTS), np.nan, np.float32))


class Regressor(Protocol):
    """Turns the people of one frame into SMPL bodies; keeps nothing from one frame to the next."""

    @property
    def info(self) -> RegressorInfo:
        """What runs, for the model-info message."""

    @property
    def reason(self) -> str:
        """Why this engine runs, in a sentence; empty where there was nothing to choose."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user must know of what runs, a sentence each; such as that its weights are made up."""

    @property
    def needs_landmarks(self) -> bool:
        """Whether ``people.landmarks`` must be there; otherwise boxes are enough."""

    def regress(self, frame: Frame, people: People) -> Bodies:
        """Estimate the body of every person.

        :param frame: the image and its camera.
        :param people: N persons found in that image.
        :returns: N bodies, in the order of ``people``. A person of whom nothing can be said has NaN and
            ``State.LOST``, never a made-up body.
        :raises ConfigError: when the regressor needs landmarks and the people come without.
        """

    def regress_with_evidence(self, frame: Frame, people: People) -> tuple[Bodies, Evidence]:
        """Estimate the body of every person, and tell what a calibration needs to know beside it.

        :param frame: as for :meth:`regress`.
        :param people: as for :meth:`regress`.
        :returns: what :meth:`regress` returns, and the evidence of the same N persons.
        :raises ConfigError: as :meth:`regress`.
        """
