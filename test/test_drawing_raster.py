"""The rasteriser against a brute-force search over pixels, and what a z-buffer must do."""

import numpy as np

from poco_ros.drawing.raster import NEAR_M, rasterize

SIZE = (41, 33)


def brute_force(xy, depth, triangles, values, size):
    """For every pixel: the nearest front-facing triangle that holds its centre, with barycentric interpolation."""
    best = np.full(size[::-1], np.inf)
    out = np.full((*size[::-1], values.shape[1]), np.nan)
    sure = np.ones(size[::-1], bool)
    for t in triangles:
        (ax, ay), (bx, by), (cx, cy) = xy[t]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area >= 0:
            continue
        for y in range(size[1]):
            for x in range(size[0]):
                b = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
                c = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
                w = np.array([1 - b - c, b, c])
                if np.abs(w).min() < 1e-9:
                    sure[y, x] = False
                if w.min() < 0:
                    continue
                z = 1 / (w @ (1 / depth[t]))
                if abs(z - best[y, x]) < 1e-9:
                    sure[y, x] = False
                if z < best[y, x]:
                    best[y, x] = z
                    out[y, x] = w @ values[t]
    return out, sure


def picture(fragments, size, k):
    out = np.full((size[0] * size[1], k), np.nan)
    out[fragments.pixel] = fragments.values
    return out.reshape(size[1], size[0], k)


def test_random_triangles_match_brute_force():
    rng = np.random.default_rng(5)
    xy = rng.uniform(-15, 55, (60, 2))
    depth = rng.uniform(1, 9, 60)
    values = rng.uniform(0, 255, (60, 2))
    triangles = rng.permutation(60).reshape(20, 3)
    expected, sure = brute_force(xy, depth, triangles, values, SIZE)
    got = picture(rasterize(xy, depth, triangles, values, SIZE), SIZE, 2)
    assert sure.mean() > 0.99 and np.isfinite(expected).mean() > 0.5
    np.testing.assert_allclose(got[sure], expected[sure], atol=2e-2)


def test_tiny_triangles_leave_neither_gaps_nor_doubts():
    """A crooked sheet of 3,200 triangles, a fifth of a pixel each, covers exactly the pixels of its outline."""
    rng = np.random.default_rng(6)
    grid = np.stack(np.meshgrid(np.linspace(4.3, 30.6, 41), np.linspace(3.2, 28.7, 41)), axis=-1)
    grid[1:-1, 1:-1] += rng.uniform(-0.2, 0.2, (39, 39, 2))
    index = np.arange(41 * 41).reshape(41, 41)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    xy = grid.reshape(-1, 2)
    linear = 3.0 * xy[:, :1] - 2.0 * xy[:, 1:] + 7.0
    fragments = rasterize(xy, np.full(len(xy), 2.0), triangles, linear, SIZE)
    got = picture(fragments, SIZE, 1)[..., 0]
    y, x = np.mgrid[:SIZE[1], :SIZE[0]]
    inside = (x >= 5) & (x <= 30) & (y >= 4) & (y <= 28)
    np.testing.assert_array_equal(np.isfinite(got), inside)
    np.testing.assert_allclose(got[inside], (3.0 * x - 2.0 * y + 7.0)[inside], atol=1e-3)


def test_pixel_centres_on_whole_numbers_belong_to_the_triangle():
    xy = np.array([[2.0, 2.0], [2.0, 6.0], [6.0, 2.0]])
    fragments = rasterize(xy, np.ones(3), np.array([[0, 1, 2]]), np.ones((3, 1)), SIZE)
    covered = {(int(p % SIZE[0]), int(p // SIZE[0])) for p in fragments.pixel}
    assert covered == {(x, y) for x in range(2, 7) for y in range(2, 7) if x + y <= 8}


def square(x0, x1, depth, tilt=0.0):
    """Two triangles over columns x0..x1, facing the camera; ``tilt`` changes depth from left to right."""
    xy = np.array([[x0, 2.0], [x1, 2.0], [x1, 20.0], [x0, 20.0]])
    return xy, np.array([depth - tilt, depth + tilt, depth + tilt, depth - tilt]), np.array([[0, 2, 1], [0, 3, 2]])


def test_the_nearer_hides_the_farther_in_any_order_also_where_they_cross():
    flat, crossing = square(2.0, 30.0, 3.0), square(2.0, 30.0, 3.0, tilt=1.0)
    xy = np.concatenate([flat[0], crossing[0]])
    depth = np.concatenate([flat[1], crossing[1]])
    label = np.repeat([[1.0], [2.0]], 4, axis=0)
    for triangles in (np.concatenate([flat[2], crossing[2] + 4]), np.concatenate([crossing[2] + 4, flat[2]])):
        row = picture(rasterize(xy, depth, triangles, label, SIZE), SIZE, 1)[10, :, 0]
        # 1/z is linear over the picture: from 1/2 at column 2 to 1/4 at column 30, it meets 1/3 two thirds of the way.
        assert (row[2:20] == 2).all() and (row[22:31] == 1).all()


def test_back_sides_and_what_lies_at_or_behind_the_camera_are_left_out():
    xy, depth, triangles = square(2.0, 30.0, 1.0)
    values = np.ones((4, 1))
    assert len(rasterize(xy, depth, triangles, values, SIZE).pixel) > 0
    assert len(rasterize(xy, depth, triangles[:, ::-1], values, SIZE).pixel) == 0
    assert len(rasterize(xy, depth - 1.0, triangles, values, SIZE).pixel) == 0
    assert len(rasterize(xy, np.full(4, 0.9 * NEAR_M), triangles, values, SIZE).pixel) == 0
    xy[0] = np.nan
    assert len(rasterize(xy, depth, triangles, values, SIZE).pixel) == 0
    depth[1] = np.nan
    assert len(rasterize(*square(2.0, 30.0, 1.0)[:1], depth, triangles[:1], values, SIZE).pixel) == 0


def test_only_pixels_of_the_image_come_back_and_no_triangles_give_none():
    xy, depth, triangles = square(-400.0, 700.0, 1.0)
    fragments = rasterize(xy, depth, triangles, np.ones((4, 1)), SIZE)
    assert set(fragments.pixel.tolist()) == {y * SIZE[0] + x for x in range(SIZE[0]) for y in range(2, 21)}
    assert len(rasterize(xy + 1000, depth, triangles, np.ones((4, 1)), SIZE).pixel) == 0
    assert rasterize(xy, depth, triangles[:0], np.ones((4, 3)), SIZE).values.shape == (0, 3)
