"""``provenance.json``: where the weights of a network come from, and what was left out on the way.

It lies in the network's folder beside ``weights.safetensors``. Reading it needs no torch.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from poco_ros.errors import ConfigError, ModelFileError
from poco_ros.networks.variants import Variant

PROVENANCE_FILE = 'provenance.json'
FORMAT = 1


def now() -> str:
    """Return the time for a provenance: UTC, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec='seconds')


@dataclass(frozen=True)
class Provenance:
    """What stands in ``provenance.json``.

    :param name: of the network: the name of its folder.
    :param variant: its structure.
    :param source_file: file name of the checkpoint it was read from, without folders; empty for made-up weights.
    :param source_sha256: of that file, lower-case hexadecimal; empty for made-up weights.
    :param layout: how the entries lay in the checkpoint, in words.
    :param licence: of the weights.
    :param date: when the network was stored: UTC, ISO 8601.
    :param weights_sha256: of ``weights.safetensors``; :func:`poco_ros.checkpoints.store.save_network` fills it in.
    :param mock: whether the weights are made up, for tests.
    :param unused: entries of the checkpoint that inference does not use.
    :param absent: entries of the network that the checkpoint does not have. Inference does not need them; they are
        loaded as NaN so that whoever needs them, a trainer, finds out.
    :param converted_from: number types that were converted to float32, e.g. 'float16'; empty when there were none.
    :param training: of weights trained by this package: on what data (name and hash), with which settings and seed, how
        good the validation found them; empty for others.
    :param mean_parameters: file that gave ``head.init_*``, with its hash; empty when the checkpoint has them.
    :param format: version of this file's layout.
    """

    name: str
    variant: Variant
    source_file: str
    source_sha256: str
    layout: str
    licence: str
    date: str
    weights_sha256: str = ''
    mock: bool = False
    unused: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    converted_from: tuple[str, ...] = ()
    mean_parameters: str = ''
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
        return {'format': self.format, **plain, 'variant': self.variant.to_dict()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Provenance:
        """Read what :meth:`to_dict` wrote.

        :raises KeyError: when a field is missing.
        :raises ValueError: when one is of another type.
        :raises ConfigError: when the variant is not one.
        """
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            # networks stored by earlier versions were all trained elsewhere
            value = plain.get(field.name, {}) if field.name == 'training' else plain[field.name]
            if field.name == 'variant':
                value = Variant.from_dict(value)
            elif field.type == 'tuple[str, ...]':
                if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                    raise ValueError(f'{field.name} is {value!r}')
                value = tuple(value)
            elif type(value).__name__ != str(field.type).partition('[')[0]:
                raise ValueError(f'{field.name} is {value!r}')
            values[field.name] = value
        return cls(**values)

    @classmethod
    def load(cls, folder: Path) -> Provenance:
        """Read the record of a network's folder.

        :raises ModelFileError: the file is missing, unreadable, of another format, or not what this package writes.
        """
        path = folder / PROVENANCE_FILE
        mend = "import the network again with 'poco import-checkpoint'"
        try:
            plain = json.loads(path.read_text(encoding='utf-8'))
            found = plain['format']
            if found != FORMAT:
                raise ModelFileError(f'{path} has the format {found!r}, this version reads {FORMAT}; {mend}')
            return cls.from_dict(plain)
        except OSError as error:
            raise ModelFileError(f'{path} cannot be read: {error.strerror}; {mend}') from error
        except KeyError as error:
            raise ModelFileError(f'{path} lacks {error}; {mend}') from error
        except (TypeError, ValueError, AttributeError, ConfigError) as error:
            raise ModelFileError(f'{path} is not the record of a network ({error}); {mend}') from error

    def write(self, folder: Path) -> None:
        """Write the file into a folder that nobody reads yet.

        :raises OSError: when that does not work.
        """
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False) + '\n'
        (folder / PROVENANCE_FILE).write_text(text, encoding='utf-8')
