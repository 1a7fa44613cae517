"""The clothes, shoes and hair that people wear: cut for each of them, or from the user's file of modelled ones."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import OPEN_BODY_PATH, load_body_model
from poco_ros.errors import ModelFileError
from poco_ros.synth.garment import Garment
from poco_ros.synth.person import Person, Shaped
from poco_ros.synth.styles import STYLES, Shell, Tailor
from poco_ros.synth.surface import TEXTURE_SIZE, Surface
from poco_ros.synth.textures import Textures, opaque, recolour
from poco_ros.types import FloatArray

GARMENTS_PATH = Path(__file__).parent / 'data' / 'open_garments.npz'
#: How many in every three people wear cut clothes though there are modelled ones.
_CUT_SHARE = 1 / 3
_KINDS = ('suit', 'shoes', 'hair', 'hat')

Arrays = Mapping[str, npt.NDArray[Any]]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Modelled:
    """One item of the user's file; ``texture`` is None where the file has none for it."""

    name: str
    garment: Garment
    texture: Bytes | None


@dataclass
class _Pieces:
    """The meshes of one person as they are put together."""

    layers: list[Shaped]
    triangles: list[npt.NDArray[np.int32]]
    uv: list[FloatArray]
    two_sided: list[bool]
    textures: list[Bytes]
    cut_out: list[bool]
    shine: list[float]

    def add(self, garment: Garment, texture: Bytes, shine: float, cut_out: bool = False) -> None:
        self.layers.append(garment.layer)
        self.triangles.append(garment.triangles)
        self.uv.append(garment.uv)
        self.two_sided.append(True)
        self.textures.append(texture)
        self.cut_out.append(cut_out)
        self.shine.append(shine)


class Wardrobe:
    """What people can wear. Make one with :meth:`load`.

    :param body: the open body (the clothes are made for it, and so are its texture coordinates).
    :param look: the open body's file's further arrays: texture coordinates and landmarks.
    :param tailor: cuts clothes.
    :param modelled: items by kind ('suit', 'shoes', 'hair', 'hat'), from the user's file; empty without one.
    :param textures: pools of fabrics, skin and hair.
    """

    def __init__(
        self, body: BodyModel, look: Arrays, tailor: Tailor, modelled: Mapping[str, tuple[Modelled, ...]],
        textures: Textures,
    ) -> None:
        self._body, self._tailor, self._modelled, self._textures = body, tailor, modelled, textures
        self._body_uv = np.asarray(look['vt'][look['ft']], np.float32)
        self._face_paint = _face_paint(body.v_template, look)
        self._suits = {item.name: item for item in modelled.get('suit', ())}

    @classmethod
    def load(cls, path: Path | None, textures: Textures | None = None) -> Wardrobe:
        """Read the clothes.

        :param path: an ``open_wardrobe.npz``; None: only clothes cut from the shells that come with the package.
        :param textures: the process's pools; None makes some (seed 0).
        :raises ModelFileError: the file is missing, broken or not a wardrobe; the message names it.
        """
        body = load_body_model()
        look = _read(OPEN_BODY_PATH, ('vt', 'ft', 'mh_index', 'landmark_names', 'landmark_ids'))
        shells = _read(GARMENTS_PATH)
        tights, skirt, hair = (_shell(shells, name) for name in ('tights', 'skirt', 'hair'))
        modelled = {} if path is None else _modelled(Path(path), look['mh_index'])
        tailor = Tailor(tights, skirt, hair, body.v_template)
        return cls(body, look, tailor, modelled, textures or Textures(np.random.default_rng(0)))

    @property
    def body(self) -> BodyModel:
        """The open body."""
        return self._body

    @property
    def outfits(self) -> tuple[str, ...]:
        """Names of all outfits: the modelled suits and the cut styles."""
        return (*self._suits, *STYLES)

    def draw(self, rng: np.random.Generator, outfits: tuple[str, ...]) -> str:
        """Return one of some outfits; where there are both kinds a third of people wear cut clothes."""
        cut = [name for name in outfits if name in STYLES]
        suits = [name for name in outfits if name not in STYLES]
        names = cut if not suits or (cut and rng.random() < _CUT_SHARE) else suits
        return names[rng.integers(len(names))]

    def dress(self, rng: np.random.Generator, outfit: str, betas: npt.ArrayLike) -> Person:
        """Dress one person.

        :param rng: draws cuts, shoes, hair, hat, skin and fabrics; the same state gives the same person.
        :param outfit: one of :attr:`outfits`.
        :param betas: (10,) of the open body.
        :raises ValueError: there is no such outfit.
        """
        if outfit not in self.outfits:
            raise ValueError(f"no outfit '{outfit}': there are {', '.join(self.outfits)}")
        textures = self._textures
        pieces = _Pieces([], [self._body.faces], [self._body_uv], [False], [textures.skin(rng)], [False],
                         [float(rng.uniform(0.02, 0.25))])
        hidden = np.zeros(self._body.num_vertices, bool)
        for garment, texture, shine, cut_out in self._worn(rng, outfit):
            pieces.add(garment, texture, shine, cut_out)
            hidden[garment.hidden] = True
        shown = ~hidden[self._body.faces].all(1)
        pieces.triangles[0], pieces.uv[0] = self._body.faces[shown], self._body_uv[shown]
        paint = 1 - self._face_paint * np.float32(rng.uniform(0.6, 1))
        return Person(self._body, betas, outfit, tuple(pieces.layers), _surface(pieces, paint))

    def _worn(self, rng: np.random.Generator, outfit: str) -> list[tuple[Garment, Bytes, float, bool]]:
        """Everything over the skin: garment, texture, shine, whether it has holes."""
        worn: list[tuple[Garment, Bytes, float, bool]] = []
        if outfit in self._suits:
            suit = self._suits[outfit]
            worn.append((suit.garment, self._recoloured(rng, suit.texture), float(rng.uniform(0, 0.2)), False))
        else:
            fabrics = {slot: self._cloth(rng) for slot in ('top', 'bottom')}
            worn += [(garment, fabrics[slot], float(rng.uniform(0, 0.2)), False)
                     for slot, garment in self._tailor.outfit(rng, outfit)]
        if rng.random() < 0.9:
            worn.append(self._shoes(rng))
        if rng.random() < 0.9:
            worn.append(self._hair(rng))
        if self._modelled.get('hat') and rng.random() < 0.06:
            hat = _choice(rng, self._modelled['hat'])
            worn.append((hat.garment, self._recoloured(rng, hat.texture), 0.05, False))
        return worn

    def _shoes(self, rng: np.random.Generator) -> tuple[Garment, Bytes, float, bool]:
        shine = float(rng.uniform(0, 0.5))
        if self._modelled.get('shoes') and rng.random() < 0.8:
            shoes = _choice(rng, self._modelled['shoes'])
            return shoes.garment, self._recoloured(rng, shoes.texture), shine, False
        colour = rng.choice([20, 40, 70, 225], p=[0.35, 0.25, 0.2, 0.2]) * rng.uniform(0.8, 1.2, 3)
        return self._tailor.shoes(rng), opaque(np.broadcast_to(colour, (TEXTURE_SIZE, TEXTURE_SIZE, 3))), shine, False

    def _hair(self, rng: np.random.Generator) -> tuple[Garment, Bytes, float, bool]:
        shine = float(rng.uniform(0.05, 0.4))
        if self._modelled.get('hair') and rng.random() < 0.85:
            hair = _choice(rng, self._modelled['hair'])
            return hair.garment, self._textures.hair(rng, hair.texture), shine, hair.texture is not None
        return self._tailor.hair(rng), self._textures.hair(rng), shine, False

    def _cloth(self, rng: np.random.Generator) -> Bytes:
        return self._textures.plain(rng) if rng.random() < 0.6 else self._textures.fabric(rng)

    def _recoloured(self, rng: np.random.Generator, texture: Bytes | None) -> Bytes:
        kind = rng.random()
        if texture is None or kind < 0.25:
            return self._cloth(rng)
        return texture if kind < 0.45 else recolour(rng, texture)


def _choice(rng: np.random.Generator, items: tuple[Modelled, ...]) -> Modelled:
    return items[rng.integers(len(items))]


def _surface(pieces: _Pieces, paint: FloatArray) -> Surface:
    offsets = np.cumsum([0, len(paint), *(len(layer.vertices) for layer in pieces.layers)])
    counts = [len(triangles) for triangles in pieces.triangles]
    colour = np.ones((offsets[-1], 3), np.float32)
    colour[:len(paint)] = paint
    return Surface(
        np.concatenate([t + offset for t, offset in zip(pieces.triangles, offsets[:-1], strict=True)]),
        np.concatenate(pieces.uv), np.repeat(np.arange(len(counts)), counts), np.repeat(pieces.two_sided, counts),
        colour, np.stack(pieces.textures), np.array(pieces.cut_out), np.array(pieces.shine),
    )


def _face_paint(template: FloatArray, look: Arrays) -> FloatArray:
    """(V, 3) what eyes, brows and lips take away from the skin's colour; some of it negative: the white of the eye."""
    landmarks = dict(zip(look['landmark_names'].tolist(), look['landmark_ids'].tolist(), strict=True))
    darker = np.zeros((len(template), 3), np.float32)

    def near(landmark: str, shift: tuple[float, float], stretch: tuple[float, float], depth: float) -> FloatArray:
        offset = template - template[landmarks[landmark]]
        flat = (offset[:, :2] - shift) * stretch
        return np.where(offset[:, 2] > -depth, np.hypot(flat[:, 0], flat[:, 1]), np.inf)

    for eye in ('leye', 'reye'):
        darker[near(eye, (0, 0.022), (0.5, 2.2), 0.03) < 0.013] = 0.55
        distance = near(eye, (0, 0), (1, 1.7), 0.03)
        darker[distance < 0.017] = -0.1
        darker[distance < 0.008] = (0.75, 0.8, 0.8)
    darker[near('nose', (0, -0.036), (0.5, 1.7), 0.04) < 0.014] = (0.15, 0.45, 0.45)
    return darker


def _read(path: Path, names: tuple[str, ...] | None = None) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names or archive.files}
    except FileNotFoundError as error:
        raise ModelFileError(f'{path} does not exist; name an open_wardrobe.npz, or none') from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelFileError(f'{path} is broken or not what it should be ({error}); fetch it again') from error


def _shell(arrays: Arrays, name: str) -> Shell:
    return _shaped(arrays, name), np.asarray(arrays[f'{name}_f'], np.int32)


def _shaped(arrays: Arrays, name: str) -> Shaped:
    vertices, directions, weights = (np.asarray(arrays[f'{name}_{key}'], np.float32) for key in ('v', 'dirs', 'w'))
    if vertices.shape[1:] != (3,) or directions.shape != (*vertices.shape, 10) or weights.shape != (len(vertices), 24):
        raise ValueError(f'{name}: shapes {vertices.shape}, {directions.shape}, {weights.shape} do not belong together')
    return Shaped(vertices, directions, weights / weights.sum(1, keepdims=True))


def _modelled(path: Path, source_index: npt.NDArray[np.int32]) -> dict[str, tuple[Modelled, ...]]:
    """Items of the user's file by kind. Body vertices in it are numbered as in the body's source mesh."""
    arrays = _read(path)
    numbers = {int(source): number for number, source in enumerate(source_index)}
    items: dict[str, list[Modelled]] = {kind: [] for kind in _KINDS}
    try:
        for entry in arrays['names'].tolist():
            kind, name = entry.split(':')
            layer = _shaped(arrays, name)
            triangles = np.asarray(arrays[f'{name}_f'], np.int32)
            if triangles.min() < 0 or triangles.max() >= len(layer.vertices):
                raise ValueError(f'{name}: a triangle names a vertex that is not there')
            uv = np.asarray(arrays[f'{name}_vt'][arrays[f'{name}_ft']], np.float32)
            hidden = np.array([numbers[v] for v in arrays[f'{name}_hide'].tolist() if v in numbers], np.intp)
            texture = _decoded(arrays[f'{name}_tex'], name) if f'{name}_tex' in arrays else None
            items[kind].append(Modelled(name, Garment(layer, triangles, uv, hidden), texture))
    except (KeyError, ValueError, IndexError) as error:
        raise ModelFileError(f'{path} is not a wardrobe of the open body ({error}); fetch it again') from error
    return {kind: tuple(found) for kind, found in items.items()}


def _decoded(data: Bytes, name: str) -> Bytes:
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3:
        raise ValueError(f'{name}: its texture is not a colour picture')
    small = cv2.resize(picture, (TEXTURE_SIZE, TEXTURE_SIZE), interpolation=cv2.INTER_AREA)
    coded = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGBA
    return np.asarray(cv2.cvtColor(small, coded), np.uint8)
