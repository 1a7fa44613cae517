"""Settings of the temporal stage. Constants of motion are stated per 1/30 s and scaled with the real time step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from poco_ros.errors import ConfigError
from poco_ros.settings import check_settings, choice, setting

#: Above this the paper throws a frame away (POCO, Sup. Mat. G).
PAPER_UNCERTAINTY = 0.8

Predictor = Literal['whole_body', 'learned', 'damped']
"""How joints that are not seen move."""


@dataclass(frozen=True)
class TrustConfig:
    """When a joint is believed.

    With hysteresis: a trusted joint is dropped above ``u_hi`` and believed again at ``u_lo`` or below. In between a
    measurement counts for less and less.

    :raises ConfigError: when a value is out of range or ``u_lo`` is above ``u_hi``.
    """

    measure: Literal['uncertainty', 'error_mm'] = choice(
        'error_mm', 'what decides: error_mm, the calibrated expected error where the message carries it, else the '
        "model's uncertainty; or uncertainty, always that", 'uncertainty', 'error_mm')
    scope: Literal['joint', 'body'] = choice(
        'joint', 'joint: each joint by its own number; body: all joints by the number of the body', 'joint', 'body')
    u_hi: float = setting(0.80, 'uncertainty above which a joint is not used', 0.0, 1.0)
    u_lo: float = setting(0.55, 'uncertainty at or below which a joint is trusted again', 0.0, 1.0)
    error_hi_mm: float = setting(
        300.0, "mean expected error of a body's joints that corresponds to u_hi, mm; a joint's own is taken in "
        'proportion to how far from the pelvis the joint is', 1.0, 10000.0)
    error_lo_mm: float = setting(200.0, 'the same for u_lo, mm', 1.0, 10000.0)
    knee: float = setting(0.50, 'uncertainty from which on a measurement quickly loses weight', 0.0, 1.0)
    knee_width: float = setting(0.04, 'by so much more uncertainty the noise grows by a factor of e', 0.001, 1.0)

    def __post_init__(self) -> None:
        check_settings(self)
        if self.u_lo > self.u_hi:
            raise ConfigError(f'u_lo ({self.u_lo}) must not be above u_hi ({self.u_hi})')
        if self.error_lo_mm >= self.error_hi_mm:
            raise ConfigError(f'error_lo_mm ({self.error_lo_mm}) must be below error_hi_mm ({self.error_hi_mm})')


@dataclass(frozen=True)
class MotionConfig:
    """Noise of the Kalman filter, per 1/30 s.

    :raises ConfigError: when a value is out of range.
    """

    predictor: Predictor = choice(
        'whole_body', 'how joints that are not seen move: whole_body, all by one linear step fitted to motion capture; '
        'learned, by a network trained on it; damped, each at its last rate, which dies away', *get_args(Predictor))
    measured_deg: float = setting(4.0, 'noise of a joint rotation, degrees', 0.01, 90.0)
    rate_noise_deg: float = setting(3.0, 'change of the rate of a joint in 1/30 s, degrees per 1/30 s', 0.01, 90.0)
    rate_kept: float = setting(0.70, 'part of the rate of a joint that is left after 1/30 s', 0.01, 0.999)
    rate_kept_gap: float = setting(0.60, 'the same while the joint is not seen', 0.01, 0.999)
    pelvis_measured_m: float = setting(0.020, 'noise of the pelvis position, metres', 0.0001, 1.0)
    pelvis_rate_noise_m: float = setting(0.003, 'change of the pelvis velocity in 1/30 s, m per 1/30 s', 1e-5, 1.0)
    pelvis_rate_kept: float = setting(0.97, 'part of the pelvis velocity that is left after 1/30 s', 0.01, 0.999)
    steadying: float = setting(
        1.0, 'how much joints are drawn to where they have been over the last second, against errors that wander; 0: '
        'not at all', 0.0, 1.0)
    jitter_deg: float = setting(1.1, 'measured jitter of rotations at which measured_deg holds, degrees', 0.01, 90.0)
    jitter_pelvis_m: float = setting(0.012, 'measured jitter at which pelvis_measured_m holds, metres', 1e-5, 1.0)
    least_noise: float = setting(0.2, 'least factor on the noise, for a steady sensor; 1: not used', 0.01, 1.0)
    most_noise: float = setting(2.0, 'largest factor on the noise for a jittery sensor; 1: not used', 1.0, 100.0)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class LifeConfig:
    """When what is not seen changes its state, and when it is given up.

    :raises ConfigError: when a value is out of range, or the ages are not in order.
    """

    held_s: float = setting(0.1, 'age up to which an unseen joint is HELD; then EXTRAPOLATED', 0.0, 10.0)
    lost_live_s: float = setting(0.5, 'age from which on it is LOST in the live stream', 0.0, 60.0)
    lost_infilled_s: float = setting(1.2, 'the same in the infilled stream; nothing is infilled across more', 0.0, 60.0)
    regain_frames: int = setting(3, 'trusted frames in a row that end LOST', 1, 30)
    lock_shape_s: float = setting(2.0, 'seconds of full trust after which betas and bones stay fixed', 0.0, 600.0)
    max_tracks: int = setting(64, 'most people followed at once; the others pass through as they came', 1, 1024)

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.held_s <= self.lost_live_s <= self.lost_infilled_s:
            raise ConfigError(
                f'held_s ({self.held_s}), lost_live_s ({self.lost_live_s}) and lost_infilled_s '
                f'({self.lost_infilled_s}) must not decrease in this order')


@dataclass(frozen=True)
class StampConfig:
    """What the stamp of a frame says about its place in the stream.

    :raises ConfigError: when a value is out of range.
    """

    duplicate_s: float = setting(0.001, 'frames closer than this to the one before are repetitions', 0.0, 0.1)
    jump_s: float = setting(0.5, 'a longer step, forward or back, is a new recording or clock', 0.05, 60.0)
    first_period_s: float = setting(1 / 30, 'time between frames until it has been seen', 0.001, 1.0)
    margin_s: float = setting(0.020, 'how much longer than the lag a frame may wait for a stalled camera', 0.0, 1.0)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class IdentityConfig:
    """When a trusted frame is suspected to show somebody else.

    :raises ConfigError: when a value is out of range.
    """

    jump_m: float = setting(0.5, 'jump of the pelvis that is suspect, metres', 0.01, 100.0)
    jump_sigmas: float = setting(5.0, 'and at least so many standard deviations of the filter', 1.0, 100.0)
    turn_deg: float = setting(60.0, 'median jump of the joint rotations that is suspect, degrees', 1.0, 180.0)
    betas_jump: float = setting(1.5, 'change in one of the first three betas that halves the bounds above', 0.1, 100.0)
    frames: int = setting(2, 'suspect frames in a row after which the track starts anew', 1, 30)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class TemporalConfig:
    """Settings of :class:`poco_ros.temporal.stream.TemporalStream`.

    The preset ``paper`` trusts as the paper does: whole bodies, by one hard cut at 0.8; the settings of ``trust`` must
    then be left alone.

    :raises ConfigError: when a value is out of range or contradicts another.
    """

    preset: Literal['default', 'paper'] = choice(
        'default', 'default: the settings below; paper: whole bodies by one hard cut at 0.8', 'default', 'paper')
    lag_frames: int = setting(5, 'frames by which the infilled stream is late', 0, 30)
    coverage: float = setting(0.9, 'of the radii of unseen joints, unless the input states its own', 0.5, 0.99)
    confidence_bound_mm: float = setting(100.0, 'in the definition of confidence, unless stated', 1.0, 10000.0)
    trust: TrustConfig = field(default_factory=TrustConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    life: LifeConfig = field(default_factory=LifeConfig)
    stamps: StampConfig = field(default_factory=StampConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)

    def __post_init__(self) -> None:
        check_settings(self)
        if self.preset == 'paper' and self.trust != TrustConfig():
            raise ConfigError('preset "paper" fixes how frames are trusted: leave trust at its defaults')

    @property
    def effective_trust(self) -> TrustConfig:
        """What decides about trust, the preset applied."""
        if self.preset == 'default':
            return self.trust
        # A knee beyond every uncertainty: up to the cut each frame counts by its uncertainty alone.
        return TrustConfig(
            'uncertainty', 'body', u_hi=PAPER_UNCERTAINTY, u_lo=PAPER_UNCERTAINTY, knee=1.0, knee_width=0.02)
