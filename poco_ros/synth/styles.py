"""Procedural outfits: which garments a style has, and where each is cut (metres in the open body's T-pose).

The open body's landmarks in its T-pose: neck y 0.29, shoulders x 0.17 and y 0.23, elbows x 0.42, wrists x 0.67, waist
y -0.12, hips y -0.31, crotch y -0.40, knees y -0.69, ankles y -1.09, soles y -1.16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.synth.garment import Garment, tailor
from poco_ros.synth.person import Shaped
from poco_ros.types import FloatArray

Shell = tuple[Shaped, npt.NDArray[np.int32]]
Points = npt.NDArray[Any]
_CROTCH, _WAIST = -0.40, -0.12

#: Names of the styles, with what is worn above and below; '' is nothing, one piece has one fabric for both.
STYLES: dict[str, tuple[str, str]] = {
    'shirt_trousers': ('shirt', 'trousers'), 'shirt_shorts': ('shirt', 'shorts'), 'tee_trousers': ('tee', 'trousers'),
    'tee_shorts': ('tee', 'shorts'), 'vest_shorts': ('vest', 'shorts'), 'vest_trousers': ('vest', 'trousers'),
    'sweater_trousers': ('sweater', 'trousers'), 'shirt_skirt': ('shirt', 'skirt'), 'tee_skirt': ('tee', 'skirt'),
    'sweater_long_skirt': ('sweater', 'long_skirt'), 'dress': ('tee', 'dress'), 'overall': ('shirt', 'overall'),
}


class Tailor:
    """Cuts garments out of the shells.

    :param tights: a suit from the neck to wrists and soles.
    :param skirt: from the waist to the ankles.
    :param hair: a shell over the scalp down to the chest.
    :param body: (B, 3) the body's vertices in the T-pose.
    """

    def __init__(self, tights: Shell, skirt: Shell, hair: Shell, body: FloatArray) -> None:
        self._tights, self._skirt, self._hair, self._body = tights, skirt, hair, body

    def outfit(self, rng: np.random.Generator, style: str) -> list[tuple[str, Garment]]:
        """Return the garments of one of :data:`STYLES` with the slot whose fabric they share ('top' or 'bottom')."""
        top, bottom = STYLES[style]
        tucked = bottom in ('skirt', 'long_skirt') or rng.random() < 0.3
        loose_top = float(rng.uniform(0.012, 0.026) if top == 'sweater' else rng.uniform(0.004, 0.018))
        loose_bottom = loose_top + 0.006 if tucked else max(0.003, loose_top - float(rng.uniform(0.006, 0.012)))
        one_piece = bottom in ('dress', 'overall')
        hem = _WAIST - 0.05 if one_piece else float(rng.uniform(-0.37, -0.2))
        upper = self.top(rng, top, loose_top, hem)
        lower_slot = 'top' if one_piece else 'bottom'
        if bottom in ('skirt', 'long_skirt', 'dress'):
            lower = self.skirt(rng, long=bottom == 'long_skirt', looseness=0.004)
        else:
            # Under a shirt they reach up just far enough: what overlaps may show through it.
            waist = float(rng.uniform(-0.17, -0.1)) if tucked or one_piece else hem + 0.06
            lower = self.trousers(rng, waist, short=bottom == 'shorts', looseness=loose_bottom)
        return [('top', upper), (lower_slot, lower)]

    def top(self, rng: np.random.Generator, kind: str, looseness: float, hem: float) -> Garment:
        """Return a shirt, tee, vest or sweater."""
        sleeve = {'vest': rng.uniform(0.165, 0.185), 'tee': rng.uniform(0.26, 0.4)}.get(kind, rng.uniform(0.56, 0.66))
        collar, front = float(rng.uniform(0.075, 0.105)), float(rng.uniform(0, 0.06) if rng.random() < 0.5 else 0)

        def field(points: Points) -> Points:
            x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
            neck = np.hypot(x, np.minimum(y - 0.30 + front * (z > 0.03), 0.0)) - collar
            return np.minimum.reduce([y - hem, sleeve - x, neck, 0.33 - y])

        widen = _widening(hem, float(rng.uniform(0, 0.02)), 0.25)
        return tailor(rng, *self._tights, field, self._body, looseness=looseness, flare=widen)

    def trousers(self, rng: np.random.Generator, waist: float, *, short: bool, looseness: float) -> Garment:
        """Return trousers or shorts."""
        end = float(rng.uniform(-0.72, -0.48) if short else rng.uniform(-1.07, -0.98))

        def field(points: Points) -> Points:
            return np.minimum(waist - points[:, 1], points[:, 1] - end)

        wide = float(rng.uniform(0.0, 0.03))
        return tailor(rng, *self._tights, field, self._body, looseness=looseness,
                      flare=_widening(end, wide, 0.25 if short else 0.6, above=_CROTCH))

    def skirt(self, rng: np.random.Generator, *, long: bool, looseness: float) -> Garment:
        """Return a skirt, from a short one to one down to the calves."""
        end = float(rng.uniform(-0.98, -0.75) if long else rng.uniform(-0.72, -0.5))

        def field(points: Points) -> Points:
            return points[:, 1] - end

        def cover(points: Points) -> Points:  # the legs can be seen from below
            return np.minimum(points[:, 1] - max(end, _CROTCH - 0.05), _WAIST - 0.06 - points[:, 1])

        return tailor(rng, *self._skirt, field, self._body, looseness=looseness, cover=cover)

    def shoes(self, rng: np.random.Generator) -> Garment:
        """Return low shoes or boots."""
        top = float(rng.uniform(-1.1, -1.04) if rng.random() < 0.75 else rng.uniform(-1.0, -0.85))

        def field(points: Points) -> Points:
            return top - points[:, 1]

        return tailor(rng, *self._tights, field, self._body, looseness=float(rng.uniform(0.004, 0.009)))

    def hair(self, rng: np.random.Generator) -> Garment:
        """Return hair down to anywhere between the ears and the shoulders."""
        end = float(rng.uniform(0.34, 0.44) if rng.random() < 0.6 else rng.uniform(0.12, 0.34))

        def field(points: Points) -> Points:
            return points[:, 1] - end

        return tailor(rng, *self._hair, field, np.zeros((0, 3), np.float32), looseness=float(rng.uniform(0.001, 0.012)))


def _widening(end: float, amount: float, reach: float, above: float = np.inf) -> Callable[[FloatArray], FloatArray]:
    """Cloth that stands off further towards its hem: ``amount`` metres there, none ``reach`` metres above it."""

    def flare(points: FloatArray) -> FloatArray:
        share = np.clip(1 - (points[:, 1] - end) / reach, 0, 1) * (points[:, 1] < above)
        # Sleeves lie higher than any hem's reach in the T-pose, so only the trunk and the legs widen.
        return np.asarray(amount * share, np.float32)

    return flare

