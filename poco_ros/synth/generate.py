"""Makes a data set on all processors; interrupted, it goes on where it stopped."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.model_file import OPEN_BODY_PATH, load_body_model
from poco_ros.errors import DatasetError
from poco_ros.evaluation.infill.motion_file import Motion, load_motion
from poco_ros.people.model_files import DETECTOR, LANDMARKER, model_path
from poco_ros.synth.config import SynthConfig
from poco_ros.synth.sequence import SequenceMaker
from poco_ros.synth.shards import HEADER, Header, layout, read_shard, shard_path, write_shard
from poco_ros.whole_files import sha256_of

SEQUENCES_PER_SHARD = 64

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]


def generate(config: SynthConfig, folder: Path, workers: int = 1, progress: Progress | None = None) -> Header:
    """Make a data set, or what is missing of it.

    :param config: what to make.
    :param folder: where; made if need be. A data set that is begun there must have been begun with the same settings;
        it becomes larger where more samples are asked for.
    :param workers: processes.
    :param progress: told how many samples are there, and of how many, after every shard.
    :raises DatasetError: when the folder holds another data set, the motion file has no usable clip, or nothing can be
        written.
    :raises PocoError: when the motion file, the wardrobe or a network file cannot be read.
    """
    say = progress or (lambda done, total: None)
    folder = Path(folder)
    maker = _maker(config)
    header = Header(config.count, config.samples, SEQUENCES_PER_SHARD, maker.tables, config.recipe(_hashes(config)))
    _begin(folder, header)
    done = {shard for shard in range(header.shards) if _is_there(shard_path(folder, shard))}
    missing = [shard for shard in range(header.shards) if shard not in done]
    finished = sum(_count(header, shard) for shard in done)
    say(finished, header.count)
    tasks = [(shard, header, folder) for shard in missing]
    if workers == 1:
        for task in tasks:
            finished += _count(header, make_shard(maker, *task))
            say(finished, header.count)
        return header
    context = multiprocessing.get_context('spawn')
    with context.Pool(min(workers, max(1, len(tasks))), _start_worker, (config,)) as pool:
        for shard in pool.imap_unordered(_work, tasks):
            finished += _count(header, shard)
            say(finished, header.count)
    return header


def usable_motion(config: SynthConfig) -> Motion:
    """Read the motion file and keep the clips whose licence is the one asked for.

    :raises PocoError: when it cannot be read, or no clip is left.
    """
    motion = load_motion(config.mocap)
    return motion.only(motion.clips(config.licence)) if config.licence else motion


def make_shard(maker: SequenceMaker, shard: int, header: Header, folder: Path) -> int:
    """Make a shard and write it.

    :returns: its number.
    """
    parts = [maker.make(sequence) for sequence in header.of_shard(shard)]
    count = _count(header, shard)
    arrays = {name: _joined([part[name] for part in parts], count, dtype) for name, (_, dtype) in layout(1).items()}
    if 'crop_jpeg' in parts[0]:
        lengths = np.concatenate([np.diff(part['crop_end'], prepend=0) for part in parts])[:count]
        ends = np.cumsum(lengths)
        arrays['crop_jpeg'] = np.concatenate([part['crop_jpeg'] for part in parts])[:ends[-1]]
        arrays['crop_end'] = ends.astype(np.int64)
        arrays['crop_square'] = _joined([part['crop_square'] for part in parts], count, 'float32')
    write_shard(shard_path(folder, shard), arrays)
    return shard


def _joined(parts: list[Array], count: int, dtype: str) -> Array:
    return np.concatenate(parts)[:count].astype(dtype)


def _count(header: Header, shard: int) -> int:
    """Samples of a shard; the last sequence of a data set may be cut short."""
    sequences = header.of_shard(shard)
    return min(len(sequences) * header.frames, header.count - sequences.start * header.frames)


def _begin(folder: Path, header: Header) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / HEADER).exists():
            header.write(folder)
    except OSError as error:
        raise DatasetError(f'{folder} cannot be written to: {error.strerror}') from error
    begun = Header.load(folder)
    differ = sorted(name for name in {*begun.recipe, *header.recipe}
                    if begun.recipe.get(name) != json.loads(json.dumps(header.recipe.get(name))))
    differ += [name for name in ('frames', 'tables') if getattr(begun, name) != getattr(header, name)]
    if differ or header.count < begun.count:
        differ = differ or ['fewer samples']
        raise DatasetError(f'{folder} holds a data set that was made with other settings ({", ".join(differ)}); give '
                           'the same ones to go on with it, or another folder')
    if header.count > begun.count:
        if _count(begun, begun.shards - 1) < begun.frames * begun.sequences_per_shard:
            shard_path(folder, begun.shards - 1).unlink(missing_ok=True)  # it was cut short
        header.write(folder)


def _is_there(path: Path) -> bool:
    """Whether a shard is whole; a broken one is made anew."""
    try:
        read_shard(path)
    except DatasetError:
        return False
    return True


def _hashes(config: SynthConfig) -> dict[str, str]:
    paths = {'mocap': config.mocap, 'body': OPEN_BODY_PATH, 'detector': model_path(DETECTOR),
             'landmarker': model_path(LANDMARKER)}  # fmt: skip
    if config.wardrobe is not None:
        paths['wardrobe'] = config.wardrobe
    return {name: sha256_of(Path(path)) for name, path in paths.items()}


def _maker(config: SynthConfig) -> SequenceMaker:
    return SequenceMaker(config, usable_motion(config), load_body_model())


_worker: SequenceMaker


def _start_worker(config: SynthConfig) -> None:
    global _worker
    # an interrupt goes to the whole group of processes; the parent alone answers it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = _maker(config)


def _work(task: tuple[int, Header, Path]) -> int:
    return make_shard(_worker, *task)
