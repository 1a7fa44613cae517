"""People as MakeHuman describes them, drawn at random, and their shapes as sums of targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poco_ros.body.open_body.source import Floats, MakeHumanAssets


@dataclass(frozen=True)
class Modifier:
    """A local change of shape: the pair of targets ``name-decr`` and ``name-incr``, mixed by a number in -1..1.2.

    :param name: of the targets; ``{side}`` stands for both 'l' and 'r'.
    :param mean: over adults.
    :param spread: standard deviation of its own part.
    :param by_fatness: how much of the person's fatness goes into it.
    """

    name: str
    mean: float
    spread: float
    by_fatness: float


# MakeHuman's own weight slider hardly changes girths, hence the circumferences that share a common fatness.
# Means and lengths are set so that the rest joints of the mean body lie where those of a SMPL skeleton do.
MODIFIERS = (
    Modifier('torso/torso-scale-horiz', 0, 0.22, 0.07),
    Modifier('torso/torso-scale-depth', 0.18, 0.25, 0.18),
    Modifier('torso/torso-scale-vert', 0.20, 0.08, 0),
    Modifier('torso/torso-vshape', 0, 0.22, -0.10),
    Modifier('hip/hip-scale-horiz', 0, 0.25, 0.12),
    Modifier('hip/hip-scale-depth', 0, 0.25, 0.20),
    Modifier('torso/measure-bust-circ', 0.2, 0.25, 0.3),
    Modifier('torso/measure-waist-circ', 0.35, 0.3, 0.43),
    Modifier('torso/measure-hips-circ', 0.2, 0.3, 0.3),
    Modifier('legs/measure-thigh-circ', 0.25, 0.3, 0.34),
    Modifier('legs/measure-calf-circ', 0.15, 0.3, 0.25),
    Modifier('arms/measure-upperarm-circ', 0.2, 0.3, 0.34),
    Modifier('neck/measure-neck-circ', 0.1, 0.3, 0.33),
    Modifier('arms/{side}-lowerarm-fat', 0.08, 0.2, 0.2),
    Modifier('stomach/stomach-pregnant', 0.1, 0.12, 0.17),
    Modifier('stomach/stomach-tone', -0.1, 0.35, -0.3),
    Modifier('buttocks/buttocks-volume', 0, 0.4, 0.25),
    Modifier('head/head-fat', 0, 0.3, 0.35),
    Modifier('legs/measure-upperleg-height', 0.03, 0.06, 0),
    Modifier('legs/measure-lowerleg-height', -0.06, 0.06, 0),
    Modifier('arms/measure-upperarm-length', 0.20, 0.07, 0),
    Modifier('arms/measure-lowerarm-length', 0.14, 0.07, 0),
    Modifier('neck/neck-scale-vert', 0.03, 0.07, 0),
    Modifier('head/head-scale-horiz', 0, 0.2, 0),
    Modifier('head/head-scale-vert', 0, 0.2, 0),
    Modifier('head/head-scale-depth', 0, 0.2, 0),
)


@dataclass(frozen=True)
class Person:
    """MakeHuman's sliders, each in 0..1 with the average near 0.5, and the local modifiers.

    :param gender: 0 female to 1 male.
    :param age: 0 young to 1 old adult.
    :param ancestry: (3,) weights of MakeHuman's three ancestries, of any sum.
    :param modifiers: (26,) in the order of :data:`MODIFIERS`.
    :param fatness: the common factor that went into the modifiers, about -1.3 to 3.
    """

    gender: float
    age: float
    muscle: float
    weight: float
    height: float
    proportions: float
    cup: float
    firmness: float
    ancestry: Floats
    modifiers: Floats
    fatness: float


NEUTRAL = Person(
    gender=0.5, age=0.3, muscle=0.47, weight=0.57, height=0.51, proportions=0.5, cup=0.5, firmness=0.5,
    ancestry=np.ones(3), modifiers=np.array([m.mean for m in MODIFIERS], float), fatness=0.0,
)  # fmt: skip


def random_person(rng: np.random.Generator) -> Person:
    """Draw an adult. Stature comes out near 1.64 m (women) and 1.77 m (men), girths spread as among adults."""

    def near(mean: float, spread: float, low: float = 0.0, high: float = 1.0) -> float:
        return float(np.clip(rng.normal(mean, spread), low, high))

    draw = rng.random()
    gender = 0.0 if draw < 0.42 else 1.0 if draw < 0.84 else rng.random()
    fatness = float(np.clip(rng.gamma(3.0, 0.55) - 1.65, -1.3, 3.0))  # skewed as the body-mass index is
    modifiers = [np.clip(m.mean + rng.normal(0, m.spread) + m.by_fatness * fatness, -1, 1.2) for m in MODIFIERS]
    return Person(
        gender=gender,
        age=float(rng.beta(1.2, 2.4)),
        muscle=near(0.47 - 0.04 * fatness, 0.2),
        weight=near(0.57 + 0.11 * fatness, 0.08),
        height=near(0.507, 0.042, 0.3, 0.8),
        proportions=near(0.5, 0.2),
        cup=near(0.5, 0.2),
        firmness=near(0.5, 0.2),
        ancestry=rng.dirichlet([0.6, 0.6, 0.6]) + 1e-3,
        modifiers=np.array(modifiers),
        fatness=fatness,
    )


def target_weights(person: Person) -> dict[str, float]:
    """Return how much of each target makes up a person, as the CC0 file ``macrodetails/macro.json`` composes them.

    A target's weight is the product of the factors in its name; some names have no file.
    """
    genders = {'male': person.gender, 'female': 1 - person.gender}
    ages = {'young': 1 - person.age, 'old': person.age}
    muscles = _three_levels(person.muscle, 'muscle')
    weights = _three_levels(person.weight, 'weight')
    heights = _two_ends(person.height, 'minheight', 'maxheight')
    proportions = _two_ends(person.proportions, 'uncommonproportions', 'idealproportions')
    cups, firmnesses = _three_levels(person.cup, 'cup'), _three_levels(person.firmness, 'firmness')
    ancestry = np.asarray(person.ancestry) / np.sum(person.ancestry)
    mixed: dict[str, float] = {}
    for gender, of_gender in genders.items():
        for age, of_age in ages.items():
            for name, share in zip(('caucasian', 'african', 'asian'), ancestry, strict=True):
                mixed[f'macrodetails/{name}-{gender}-{age}'] = of_gender * of_age * share
            for muscle, of_muscle in muscles.items():
                for weight, of_weight in weights.items():
                    share = of_gender * of_age * of_muscle * of_weight
                    who = f'{gender}-{age}-{muscle}-{weight}'
                    mixed[f'macrodetails/universal-{who}'] = share
                    for height, of_height in heights.items():
                        mixed[f'macrodetails/height/{who}-{height}'] = share * of_height
                    for proportion, of_proportion in proportions.items():
                        mixed[f'macrodetails/proportions/{who}-{proportion}'] = share * of_proportion
                    if gender == 'female':
                        for cup, of_cup in cups.items():
                            for firmness, of_firmness in firmnesses.items():
                                mixed[f'breast/{who}-{cup}-{firmness}'] = share * of_cup * of_firmness
    for modifier, value in zip(MODIFIERS, person.modifiers, strict=True):
        name = modifier.name + ('-decr' if value < 0 else '-incr')
        for side in ('l', 'r') if '{side}' in name else ('',):
            mixed[name.format(side=side)] = abs(value)
    return {name: weight for name, weight in mixed.items() if weight > 1e-6}


def shaped(assets: MakeHumanAssets, person: Person) -> Floats:
    """Return a person's mesh in MakeHuman's own A-pose.

    :returns: (19158, 3) float64, metres.
    """
    vertices: Floats = assets.base.copy()
    for name, weight in target_weights(person).items():
        target = assets.target(name)
        if target is not None:
            vertices += weight * target
    return vertices


def _three_levels(x: float, what: str) -> dict[str, float]:
    return {f'min{what}': max(0, 1 - 2 * x), f'average{what}': 1 - abs(2 * x - 1), f'max{what}': max(0, 2 * x - 1)}


def _two_ends(x: float, low: str, high: str) -> dict[str, float]:
    return {low: max(0, 1 - 2 * x), high: max(0, 2 * x - 1)}
