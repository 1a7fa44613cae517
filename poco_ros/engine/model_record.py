"""``model.json``: what an exported network is, everything a node needs to run it and a bag needs to tell what ran.

It lies in the network's folder beside the graphs. Reading it needs neither torch nor onnx. The graphs and the stored
expected values are named in it with their hashes, so a file that was edited or replaced afterwards is refused.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poco_ros.engine.base import Array, TensorSpec
from poco_ros.errors import ConfigError, EngineError
from poco_ros.networks.variants import LIFT, Variant
from poco_ros.whole_files import sha256_of, written_whole

RECORD_FILE = 'model.json'
EXPECTED_FILE = 'expected.npz'
FORMAT = 1
PRECISIONS = ('fp32', 'fp16', 'bf16', 'int8')
#: The file of a graph by precision.
GRAPH_FILES = {
    'fp32': 'model.onnx', 'fp16': 'model_fp16.onnx', 'bf16': 'model_bf16.onnx', 'int8': 'model_int8.onnx',
}


@dataclass(frozen=True)
class StoredFile:
    """A file of the network's folder.

    :param file: its name, without a folder.
    :param sha256: of its bytes, lower-case hexadecimal.
    """

    file: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> StoredFile:
        """Return the entry for a file that is there.

        :raises EngineError: when it cannot be read.
        """
        return cls(path.name, _sha256(path))


@dataclass(frozen=True)
class ModelRecord:
    """What stands in ``model.json``.

    :param name: of the network, e.g. 'poco_cliff'.
    :param variant: its structure.
    :param graphs: ONNX file by precision, one of ``PRECISIONS``; 'fp32' is always there. 'fp16' and 'bf16' are strongly
        typed (the casts stand in the graph), 'int8' has quantise/dequantise pairs.
    :param expected: ``.npz`` of a few inputs and the outputs that the torch network gave for them.
    :param inputs: of every graph: first what the network sees, ``crops`` uint8 (N, 224, 224, 3) RGB, or of a lift
        ``observation`` float32 (N, D) (:mod:`poco_ros.regressors.poco_lift.observation`); with CLIFF and the lift
        ``bbox_info`` float32 (N, 3).
    :param outputs: of every graph, all float32: ``rotmat`` (N, 24, 3, 3) rotations, joint 0 in the optical frame, the
        others relative to their parents; ``betas`` (N, 10); ``cam`` (N, 3) s, tx, ty of the crop; ``joints`` (N, 24, 3)
        posed, transl 0, metres, optical frame; with uncertainty ``sigma`` (N, 24) and ``uncertainty`` (N,); where
        asked for ``vertices`` (N, V, 3) as ``joints``; of a lift ``features`` (N, F), what its heads read.
    :param fp32_from: names of tensors inside the graphs that together part them in two: only what comes before may be
        computed in lower precision, everything behind stays in fp32.
    :param weights_sha256: of ``weights.safetensors``.
    :param provenance: of the weights, as ``provenance.json`` has it.
    :param body_model: name of the body model that ``joints`` and ``vertices`` are of.
    :param body_model_sha256: of its file.
    :param crop_size: side of a crop, pixels; None of a lift, which sees none.
    :param box_padding: factor on the side of a person's box before cropping; None of a lift.
    :param focal_rule: focal length that ``bbox_info`` is made with; 'diagonal': of the image, in pixels; 'camera': the
        true one, with the true principal point.
    :param uncertainty_definition: what ``sigma`` and ``uncertainty`` are, in words; empty without uncertainty.
    :param licence: of the weights, and of the body model's part in the graph.
    :param mock: whether the weights are made up, for tests.
    :param made: when, and with which versions of which libraries.
    :param checks: by precision: what the comparison with torch gave.
    :param format: version of this file's layout.
    """

    name: str
    variant: Variant
    graphs: Mapping[str, StoredFile]
    expected: StoredFile
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    fp32_from: tuple[str, ...]
    weights_sha256: str
    provenance: Mapping[str, Any]
    body_model: str
    body_model_sha256: str
    crop_size: int | None
    box_padding: float | None
    focal_rule: str
    uncertainty_definition: str
    licence: str
    mock: bool
    made: Mapping[str, str]
    checks: Mapping[str, Any]
    format: int = FORMAT

    @property
    def is_lift(self) -> bool:
        """Whether the network sees landmarks (its input ``observation``), not crops."""
        return self.variant.regressor == LIFT

    @classmethod
    def load(cls, folder: str | Path, precision: str | None = None) -> ModelRecord:
        """Read the record of a network's folder.

        :param folder: the network's folder.
        :param precision: the graph that is going to be used, verified by its hash; None verifies no graph.
        :raises EngineError: the file is missing, unreadable, of an unknown format or not what this package writes, or
            the graph asked for was not exported, is missing or was changed; names the file and the mend.
        """
        path = Path(folder) / RECORD_FILE
        try:
            plain = json.loads(path.read_text(encoding='utf-8'))
        except FileNotFoundError as error:
            raise EngineError(f'{path} is missing: the network was not exported yet; {_mend(folder)}') from error
        except OSError as error:
            raise EngineError(f'{path} cannot be read: {error.strerror}') from error
        except ValueError as error:
            raise EngineError(f'{path} is not JSON ({error}); {_mend(folder)}') from error
        found = plain.get('format') if isinstance(plain, dict) else None
        if found != FORMAT:
            raise EngineError(f'{path} has the format {found!r}, this version reads {FORMAT}; {_mend(folder)}')
        try:
            record = cls.from_dict(plain)
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
            what = f'lacks {error}' if isinstance(error, KeyError) else f'is not a record of a network ({error})'
            raise EngineError(f'{path} {what}; {_mend(folder)}') from error
        if precision is not None:
            record.graph_path(folder, precision)
        return record

    def graph_path(self, folder: str | Path, precision: str = 'fp32') -> Path:
        """Return the path of a graph, after comparing its hash with the record.

        :raises EngineError: that precision was not exported, or the file is missing or was changed.
        """
        if precision not in self.graphs:
            raise EngineError(
                f'{folder} has no {precision} graph, only {", ".join(self.graphs)}; run '
                f"'poco export {self.name}" + ''.join(f' --precision {p}' for p in (*self.graphs, precision)) + "'")
        return _verified(folder, self.graphs[precision])

    def expected_values(self, folder: str | Path) -> tuple[dict[str, Array], dict[str, Array]]:
        """Read the stored inputs and outputs, for comparing an engine with the network after loading.

        :returns: arrays by name, of the same N: the inputs, as an engine takes them, and what torch gave for them.
        :raises EngineError: the file is missing, was changed, or does not fit the record.
        """
        path = _verified(folder, self.expected)
        try:
            with np.load(path, allow_pickle=False) as archive:
                inputs = {spec.name: archive[f'input_{spec.name}'] for spec in self.inputs}
                outputs = {spec.name: archive[f'output_{spec.name}'] for spec in self.outputs}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise EngineError(f'{path} does not hold the expected values ({error}); {_mend(folder)}') from error
        return inputs, outputs

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return {
            'format': self.format, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)},
            'variant': self.variant.to_dict(),
            'graphs': {precision: dataclasses.asdict(stored) for precision, stored in self.graphs.items()},
            'expected': dataclasses.asdict(self.expected),
            'inputs': [_spec_to_dict(spec) for spec in self.inputs],
            'outputs': [_spec_to_dict(spec) for spec in self.outputs],
            'fp32_from': list(self.fp32_from),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ModelRecord:
        """Read what :meth:`to_dict` wrote.

        :raises KeyError: when a field is missing.
        :raises ValueError: when one is of another type or names a file outside the folder.
        :raises ConfigError: when the variant is not one.
        """
        read: dict[str, Callable[[Any], Any]] = {
            'variant': Variant.from_dict, 'expected': _stored_file, 'inputs': _specs, 'outputs': _specs,
            'fp32_from': lambda names: tuple(str(name) for name in names),
            'graphs': lambda graphs: {str(precision): _stored_file(entry) for precision, entry in graphs.items()},
        }
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            value = read[field.name](plain[field.name]) if field.name in read else plain[field.name]
            kinds = _KINDS.get(str(field.type))
            if kinds is not None and (not isinstance(value, kinds) or isinstance(value, bool) != (bool in kinds)):
                raise ValueError(f'{field.name} is {value!r}')
            values[field.name] = value
        record = cls(**values)
        if 'fp32' not in record.graphs or not set(record.graphs) <= set(PRECISIONS):
            raise ValueError(f'graphs are {", ".join(record.graphs) or "none"}')
        return record

    def write(self, folder: str | Path) -> Path:
        """Write ``model.json``: whole, or not at all.

        :returns: its path.
        :raises EngineError: when the folder cannot be written to.
        """
        path = Path(folder) / RECORD_FILE
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False) + '\n'
        try:
            with written_whole(path) as temporary:
                temporary.write_text(text, encoding='utf-8')
        except OSError as error:
            raise EngineError(f'{path} cannot be written: {error.strerror}; free or unlock the disk, or set POCO_CACHE '
                              'to another folder') from error
        return path


# What JSON must hold for the plain fields, by their annotation.
_KINDS: Mapping[str, tuple[type, ...]] = {
    'str': (str,), 'int': (int,), 'float': (int, float), 'bool': (bool,),
    'Mapping[str, Any]': (dict,), 'Mapping[str, str]': (dict,),
    'int | None': (int, type(None)), 'float | None': (int, float, type(None)),
}


def _mend(folder: str | Path) -> str:
    return f"run 'poco export {folder}'"


def _verified(folder: str | Path, stored: StoredFile) -> Path:
    path = Path(folder) / stored.file
    if not path.exists():
        raise EngineError(f'{path} is missing; {_mend(folder)}')
    digest = _sha256(path)
    if digest != stored.sha256:
        raise EngineError(f'{path} is not the file that was exported and checked: its sha256 is {digest}, '
                          f'{RECORD_FILE} has {stored.sha256}; {_mend(folder)}')
    return path


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise EngineError(f'{path} cannot be read: {error.strerror}') from error


def _spec_to_dict(spec: TensorSpec) -> dict[str, Any]:
    return {'name': spec.name, 'shape': list(spec.shape), 'dtype': spec.dtype}


def _specs(plain: Any) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(str(spec['name']), tuple(int(size) for size in spec['shape']), np.dtype(spec['dtype']).name)
        for spec in plain
    )


def _stored_file(plain: Any) -> StoredFile:
    name, sha256 = plain['file'], plain['sha256']
    if not isinstance(name, str) or not isinstance(sha256, str) or Path(name).name != name:
        raise ValueError(f'{name!r} does not name a file of its own folder')
    return StoredFile(name, sha256)
