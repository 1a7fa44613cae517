"""What is made of a run: log, plot, overlay video, still, display; from made-up messages, without ROS."""

from __future__ import annotations

import dataclasses
import io
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from rich.console import Console

from poco_ros.cli.demo import occluded_spans
from poco_ros.cli.display import Display, figures
from poco_ros.cli.overlay_file import OverlayFile
from poco_ros.cli.plot import confidence_figure
from poco_ros.cli.recorder import Recorder, still_score
from poco_ros.cli.run_log import Entry, RunLog
from poco_ros.errors import PocoError
from poco_ros.types import Bodies
from poco_ros.video.demo_clip import FPS, PERIOD, occluder_box

MS = 1_000_000


def bodies(*tracks: int, uncertainty: float = 0.25, **fields: object) -> Bodies:
    n = len(tracks)
    return dataclasses.replace(
        Bodies.unknown(n), track_id=np.array(tracks, np.int32), uncertainty=np.full(n, uncertainty, np.float32),
        box_px=np.tile(np.float32([100, 100, 300, 400]), (n, 1)), transl=np.tile(np.float32([0, 0, 2.5]), (n, 1)),
        **fields,
    )


def run(people: list[tuple[int, ...]], period_ms: float = 40, latency_ms: float = 30, skipped: int = 0) -> RunLog:
    log = RunLog()
    for number, tracks in enumerate(people):
        stamp = 1_700_000_000 * 10 ** 9 + round(number * period_ms * MS)
        log.add(Entry(stamp, stamp + round(latency_ms * MS), skipped, bodies(*tracks)))
    return log


def test_figures_of_a_run():
    log = run([(1,)] * 50 + [()] * 25, skipped=2)
    assert log.rate_hz() == pytest.approx(25)
    assert log.latency_ms(50) == pytest.approx(30) and log.latency_ms(95) == pytest.approx(30)
    assert (len(log), log.with_bodies, log.skipped_frames, log.seen[1]) == (75, 50, 150, 50)
    assert '75 images, 25.0 a second, latency p50 30 ms, p95 30 ms, 150 passed over' in figures(log)


def test_latency_is_not_claimed_for_stamps_of_another_clock():
    log = run([(1,)] * 3, latency_ms=3_600_000)
    assert np.isnan(log.latency_ms(50)) and 'not known' in figures(log)
    assert np.isnan(RunLog().rate_hz()) and np.isnan(RunLog().latency_ms(50))


def test_tracks_are_followed_over_time():
    tracks = run([(1,), (1, 2), (2,)]).tracks()
    np.testing.assert_allclose(tracks[1][0], [0, 0.04])
    np.testing.assert_allclose(tracks[2][0], [0.04, 0.08])
    np.testing.assert_allclose(tracks[2][1], [0.75, 0.75])


def curves(axes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {line.get_label(): line.get_data() for line in axes.lines}


def test_plot_shows_every_track_with_gaps_where_it_was_not_seen(tmp_path):
    log = run([(1,)] * 20 + [()] * 20 + [(1, 2)] * 20)
    figure = confidence_figure(log, 'a title', [(0.5, 1.25)], 'a board')
    trust, latency = figure.axes
    lines = curves(trust)
    assert set(lines) == {'person 1', 'person 2'}
    seconds, values = lines['person 1']
    assert np.isnan(seconds).sum() == 1 and np.isfinite(values).sum() == 40
    np.testing.assert_allclose(values[np.isfinite(values)], 0.75)
    (span,) = [patch for patch in trust.patches if patch.get_label() == 'a board']
    corners = span.get_path().vertices if not hasattr(span, 'get_x') else [[span.get_x(), 0],
                                                                           [span.get_x() + span.get_width(), 0]]
    assert (np.min(np.array(corners)[:, 0]), np.max(np.array(corners)[:, 0])) == pytest.approx((0.5, 1.25))
    assert 'not calibrated' in trust.get_ylabel()
    assert 'p50: 30 ms' in curves(latency)
    assert figure._suptitle.get_text() == 'a title'
    figure.savefig(tmp_path / 'plot.png')
    picture = cv2.imread(str(tmp_path / 'plot.png'))
    assert picture.shape[0] > 500 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_plot_of_a_calibrated_run_says_confidence():
    log = RunLog()
    log.add(Entry(0, 1, 0, bodies(1, confidence=np.float32([0.9]))))
    log.add(Entry(40 * MS, 41 * MS, 0, bodies(1, confidence=np.float32([0.8]))))
    trust = confidence_figure(log, '').axes[0]
    np.testing.assert_allclose(curves(trust)['person 1'][1], [0.9, 0.8], rtol=1e-6)
    assert trust.get_ylabel().startswith('confidence')


def test_plot_of_a_run_without_anybody_says_so():
    texts = [text.get_text() for text in confidence_figure(run([(), ()]), '').axes[0].texts]
    assert texts == ['nobody was found']


def test_board_of_the_clip_is_shaded_when_it_is_in_the_picture():
    spans = occluded_spans(run([(1,)] * PERIOD, period_ms=1000 / FPS))
    (span,) = spans
    inside = [index for index in range(PERIOD) if occluder_box(index)]
    assert span == pytest.approx((inside[0] / FPS, (inside[-1] + 1) / FPS))
    assert occluded_spans(RunLog()) == []
    assert len(occluded_spans(run([(1,)] * 2 * PERIOD, period_ms=1000 / FPS))) == 2


def frames_of(path) -> tuple[list[np.ndarray], float]:
    video = cv2.VideoCapture(str(path))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    return frames, video.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize('count', [3, 25])
def test_overlay_video_has_every_picture_at_the_rate_of_the_stamps(tmp_path, count):
    with OverlayFile(tmp_path / 'o.mp4') as overlay:
        for number in range(count):
            red = np.zeros((48, 64, 3), np.uint8)
            red[..., 0] = 8 * number
            overlay.add(red, number * 50 * MS, score=-abs(number - 2))
    frames, rate = frames_of(tmp_path / 'o.mp4')
    assert len(frames) == count == overlay.count and rate == pytest.approx(20)
    levels = [frame[..., 2].mean() for frame in frames]
    np.testing.assert_allclose(levels, 8 * np.arange(count), atol=8)  # red is the last channel of what OpenCV reads
    assert overlay.best[0, 0, 0] == 16


def test_overlay_video_runs_as_fast_as_the_stamps_also_where_pictures_are_missing(tmp_path):
    seconds = [0, 0.05, 0.1, 0.3, 0.35, 0.36, 0.5, 1000.0, 0.4, 0.45]  # also a jump, and back
    with OverlayFile(tmp_path / 'o.mp4') as overlay:
        for number, second in enumerate(seconds):
            overlay.add(np.full((48, 64, 3), 20 * number, np.uint8), round(second * 1000) * MS, 0)
    frames, rate = frames_of(tmp_path / 'o.mp4')
    assert rate == pytest.approx(30)  # one step of 10 ms would be 100 Hz: no player needs that
    shown = [round(frame.mean() / 20) for frame in frames]
    assert sorted(set(shown)) == list(range(10)) == list(dict.fromkeys(shown))
    starts = [shown.index(number) / rate for number in range(7)]
    np.testing.assert_allclose(starts, seconds[:7], atol=1.5 / rate)
    assert len(frames) < 0.7 * 30


def test_overlay_pictures_of_another_size_are_scaled(tmp_path):
    with OverlayFile(tmp_path / 'o.mp4') as overlay:
        for number in range(12):
            overlay.add(np.full((48 + 2 * number, 64, 3), 99, np.uint8), number * 50 * MS, 0)
    frames, _ = frames_of(tmp_path / 'o.mp4')
    assert {frame.shape for frame in frames} == {(48, 64, 3)} and len(frames) == 12


def test_overlay_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(PocoError, match=r'cannot write .*o\.mp4'), OverlayFile(tmp_path / 'no' / 'o.mp4') as overlay:
        overlay.add(np.zeros((48, 64, 3), np.uint8), 0, 0)


def test_good_still_is_whole_trusted_large_and_of_real_people():
    yes = np.array([True])
    good = still_score(bodies(1), yes, 640, 480)
    assert good > still_score(bodies(1, uncertainty=0.6), yes, 640, 480)
    assert good > still_score(dataclasses.replace(bodies(1), box_px=np.float32([[-150, 100, 50, 400]])), yes, 640, 480)
    assert good > still_score(dataclasses.replace(bodies(1), box_px=np.float32([[9, 9, 20, 30]])), yes, 640, 480)
    assert still_score(bodies(1, 2), np.array([True, True]), 640, 480) > good
    assert still_score(bodies(1, 2), np.array([True, False]), 640, 480) < good
    assert still_score(bodies(), np.zeros(0, bool), 640, 480) == 0


def record(stamp_ns: int, people: Bodies) -> dict:
    rows = [
        {item.name: np.ravel(getattr(people, item.name)[i]).tolist() if getattr(people, item.name).ndim > 1
         else getattr(people, item.name)[i].item() for item in dataclasses.fields(people)}
        for i in range(len(people))
    ]
    sec, nanosec = divmod(stamp_ns, 10 ** 9)
    return {'received_ns': stamp_ns + 5 * MS, 'header': {'stamp': {'sec': sec, 'nanosec': nanosec}},
            'skipped_frames': 1, 'image_width': 640, 'image_height': 480, 'bodies': rows}


def test_recorder_keeps_messages_and_the_best_picture(tmp_path):
    written, late = [], []
    overlay = OverlayFile(tmp_path / 'o.mp4')
    recorder = Recorder(SimpleNamespace(write=written.append), SimpleNamespace(write=late.append), overlay, limit=30)
    with overlay:
        for number in range(35):
            recorder.on_bodies(record(number * 40 * MS, bodies(7, uncertainty=0.1 if number == 17 else 0.5)))
            recorder.on_live(record(number * 40 * MS, bodies(7)))
            assert recorder.is_complete == (number >= 30)
            recorder.on_infilled(record(number * 40 * MS, bodies(8)))
            recorder.on_overlay(np.full((48, 64, 3), number, np.uint8), number * 40 * MS)
    assert len(written) == 30 and recorder.log.seen == {7: 30} and recorder.log.skipped_frames == 30
    assert len(late) == 30 and recorder.live.seen == {7: 30} and recorder.infilled.seen == {8: 30}
    assert overlay.best[0, 0, 0] == 17
    assert recorder.log.latency_ms(50) == pytest.approx(5)


@pytest.mark.parametrize('terminal', [True, False])
def test_display_on_a_terminal_and_elsewhere(terminal):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100, color_system=None)
    log = run([(1, 4)] * 30)
    with Display(console, 'a clip') as display:
        display.say('a word')
        display.update(log)
        display.update(log)
    shown = text.getvalue()
    assert 'a word' in shown and 'latency p50 30 ms' in shown and 'uncertainty 0.25 (uncalibrated)' in shown
    assert ('2.5 m' in shown) == terminal  # the table
    if not terminal:
        assert shown.count('latency') == 1  # lines come seldom
        assert '\x1b' not in shown and 'person 1' in shown and 'person 4' in shown


def test_display_before_the_first_message_and_of_nobody():
    text = io.StringIO()
    with Display(Console(file=text, force_terminal=True, width=100), 'a clip') as display:
        display.update(RunLog())
        display.update(run([()]), now=True)
    assert 'waiting for the first image' in text.getvalue() and 'nobody' in text.getvalue()
