"""What the occlusion sweep of a reproduction is to show, checked before hours of training, and then shown."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poco_ros.body.model import BodyModel
from poco_ros.engine.model_record import RECORD_FILE
from poco_ros.errors import ConfigError
from poco_ros.evaluation.reproduce.cells import Cell
from poco_ros.evaluation.reproduce.shows import Progress, Show, rendered_shows, video_shows
from poco_ros.evaluation.reproduce.study import Plan
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.regressors import LIFT
from poco_ros.video.source import VideoSource
from poco_ros.whole_files import sha256_of

if TYPE_CHECKING:
    from poco_ros.synth.crossing import CrossingMaker

RENDERED, ANALYTIC = 'rendered people', 'analytic lift'


@dataclass(frozen=True)
class SweepPlan:
    """What is shown.

    :param maker: draws rendered sequences; None: none are shown.
    :param sequences: how many, at least 1.
    :param videos: real videos.
    """

    maker: CrossingMaker | None
    sequences: int
    videos: Sequence[VideoSource] = ()

    @property
    def left_out(self) -> str:
        """What is not shown, in words; '' where everything is."""
        missing = [*(['rendered people (--mocap)'] if self.maker is None else []),
                   *(['real videos (--video)'] if not self.videos else [])]
        return ', '.join(missing)

    def shows(self, network: str | None, progress: Progress) -> list[Show]:
        """Show everything to a network and to the analytic lift.

        :param network: name or folder, as :func:`poco_ros.regressors.choose_regressor` takes them; None: the analytic
            lift alone.
        :param progress: told of every frame.
        :raises PocoError: when the network cannot be run, a video cannot be read or shows nobody.
        """
        names = {ANALYTIC: LIFT} if network is None else {Path(network).name: network, ANALYTIC: LIFT}
        models = {name: functools.partial(Pipeline.load, PipelineConfig(model=model, calibration='none'))
                  for name, model in names.items()}
        shows: list[Show] = []
        if self.maker is not None:
            crossings = [self.maker.make(seed) for seed in range(self.sequences)]
            shows += rendered_shows(RENDERED, crossings, models, progress)
        for source in self.videos:
            shows += video_shows(source, models, progress)
        return shows


def sweep_licence(mocap: Path, recipe: Mapping[str, Any]) -> str:
    """Return with which clips the people are the ones that the data set kept for testing: those it was made of.

    :param mocap: the motion file of the sweep.
    :param recipe: of the data set, see :meth:`poco_ros.synth.config.SynthConfig.recipe`.
    :returns: what the licence begins with.
    :raises ConfigError: when the data set was made of another file, so that this cannot be known.
    """
    if sha256_of(mocap) != recipe.get('files', {}).get('mocap'):
        raise ConfigError(f'{mocap} is not the motion file that the data was made of, so who was trained with is not '
                          'known: say by --sweep-licence which clips to take')
    return str(recipe.get('licence', ''))


def runnable_network(plan: Plan, cells: Path, body: BodyModel) -> str | None:
    """Return the folder of the first trained lift that is to be shown, exported if it was not yet.

    :param plan: of the reproduction.
    :param cells: folder of the trained networks.
    :param body: that they were trained on.
    :returns: of POCO, or of the last formulation with uncertainty; None when there is none.
    :raises ExportError: when it cannot be exported.
    """
    cell = _shown(plan)
    if cell is None:
        return None
    folder = cells / cell.name
    if not (folder / RECORD_FILE).exists():
        from poco_ros.export.network import export_network  # needs torch and onnx

        export_network(folder, body=body)
    return str(folder.resolve())


def _shown(plan: Plan) -> Cell | None:
    lifts = [cell for cell in plan.lifts() if cell.seed == plan.seeds[0] and cell.formulation != 'none']
    return next((cell for cell in lifts if cell.formulation == 'poco'), lifts[-1] if lifts else None)
