"""What ``poco doctor`` says of the paper's networks: which are installed, what they can run on, and what would run."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.store import available_networks, network_folder
from poco_ros.cli.checks import Check, Verdict
from poco_ros.engine.model_record import RECORD_FILE, ModelRecord
from poco_ros.engine.options import AUTO, ENGINES
from poco_ros.errors import PocoError
from poco_ros.regressors import LIFT, choose_regressor

#: What each engine is for, where it is not there.
_USES = {'tensorrt': 'networks on NVIDIA GPUs', 'openvino': 'networks on CPUs', 'torch': 'reference, and GPUs'}
_IMPORT = "run 'poco import-checkpoint FILE' with a checkpoint of POCO-CLIFF, POCO-PARE or POCO-HMR"


def networks() -> Check:
    """The networks in the cache, and which regressor ``model:=auto`` takes."""
    lines, mends = [], []
    for name in available_networks():
        try:
            line, mend = _about(name)
        except PocoError as error:
            line, mend = f'{name} (damaged)', str(error)
        lines.append(line)
        mends += [mend] if mend else []
    installed = ', '.join(lines) or 'none installed'
    try:
        folder = choose_regressor(AUTO)
        record = ModelRecord.load(folder) if folder else None
        if record and record.body_model_sha256 != load_body_model().sha256:
            mends.append(f'{record.name} was exported for {record.body_model}: set body_model to that file')
    except PocoError as error:
        return Check('networks', Verdict.FAIL, installed, str(error))
    found = f'{installed}; model:=auto takes {folder.name if folder else LIFT}'
    if mends:
        return Check('networks', Verdict.NOTE, found, '; '.join(mends))
    return Check('networks', Verdict.OK if folder else Verdict.NOTE, found, '' if folder else _IMPORT)


def _about(name: str) -> tuple[str, str]:
    """Return what is to be said of a network, and what to do where it cannot run."""
    folder = network_folder(name)
    if not (folder / RECORD_FILE).exists():
        return f'{name} (not exported)', f"run 'poco export {name}'"
    record = ModelRecord.load(folder)
    for precision in record.graphs:
        record.graph_path(folder, precision)  # compares the file with its hash
    words = [', '.join(record.graphs), f'for {record.body_model}', *(['mock weights'] if record.mock else [])]
    return f'{name} ({"; ".join(words)})', ''


def engines() -> Check:
    """What networks can run on here. Nothing is imported: whether a GPU answers, the first start shows."""
    versions = {name: _version(name) for name in ENGINES if importlib.util.find_spec(name) is not None}
    there = ', '.join(f'{name} {version}'.strip() for name, version in versions.items())
    absent = ', '.join(f'{name} ({_USES[name]})' for name in ENGINES if name not in versions)
    text = f'there: {there or "none"}' + (f'; not there: {absent}' if absent else '')
    return Check('engines', Verdict.OK if versions else Verdict.NOTE, text)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # as on a Jetson, where TensorRT is no Python package
        return ''
