"""``poco mock-checkpoint``: checkpoints with made-up weights, to try everything without any licensed file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from poco_ros.checkpoints.known import KNOWN, known_variant
from poco_ros.checkpoints.store import network_folder, network_lock, new_name, save_network
from poco_ros.cli.network_packages import TORCH_PACKAGES, require_packages
from poco_ros.errors import ConfigError


def mock_checkpoint(
    variant: Annotated[str, typer.Option(help='kind of network', metavar='|'.join(KNOWN))] = 'poco_cliff',
    layout: Annotated[str, typer.Option(
        help='where the entries lie in the file', metavar='bare|model|state_dict|nested|lightning',
    )] = 'bare',
    base: Annotated[str, typer.Option(help='label of the set of weights; another label, other weights')] = 'A',
    out: Annotated[Path | None, typer.Option(help='file to write, as torch.save does')] = None,
    with_smpl: Annotated[bool, typer.Option(
        '--with-smpl', help='with random entries in the shapes of the body model (smpl.*), as released files have',
    )] = False,
    install: Annotated[bool, typer.Option('--install', help='keep it in the cache as a network, marked mock')] = False,
    name: Annotated[str, typer.Option(help='to install it under; empty: mock_cliff, mock_pare, mock_hmr, ...')] = '',
) -> None:
    """Write a checkpoint with made-up weights in the size of the real one, or install it as a network.

    Its bodies mean nothing; it is there to try import, export, engines and nodes without any licensed file.
    """
    require_packages(TORCH_PACKAGES)
    from poco_ros.checkpoints import mock

    if out is None and not install:
        raise ConfigError('nothing to do: give --out FILE.pt, --install, or both')
    kind = known_variant(variant)
    name = new_name(name or f'mock_{kind.name.removeprefix("poco_")}')
    folder = network_folder(name)
    console = Console()
    with console.status('making up weights'):
        model = mock.mock_network(kind, base)
    if out is not None:
        mock.write_mock_checkpoint(out, mock.mock_checkpoint(model, layout, with_body=with_smpl))
        _say(console, f'{out}: made-up weights of {kind.name}, set {base}, layout {layout}')
    if install:
        with network_lock(folder):
            save_network(folder, model, mock.mock_provenance(name, kind, base))
        _say(console, f'{folder}: made-up weights of {kind.name}, set {base}; next: poco export {name}')


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
