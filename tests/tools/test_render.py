"""The renderer of training data: reproducible, complete, and its boxes hold what they name."""

import numpy as np
import pytest
from tools.train.render import Sprites, sprites
from tools.train.streets import SIZES_PX, Frames, frames
from tools.train.users import KINDS

SEED = 5


@pytest.fixture(scope="module")
def drawn() -> Sprites:
    return sprites(SEED, 20)


@pytest.fixture(scope="module")
def scenes() -> Frames:
    return frames(SEED, 5)


def test_the_same_seed_draws_the_same_road_users(drawn: Sprites) -> None:
    again = sprites(SEED, 20)
    for name in ("luma", "alpha", "shade"):
        for first, second in zip(getattr(drawn, name), getattr(again, name), strict=True):
            np.testing.assert_array_equal(first, second)
    assert drawn.kinds == again.kinds


def test_another_seed_draws_others(drawn: Sprites) -> None:
    others = sprites(SEED + 1, 3)
    assert all(luma.tobytes() != drawn.luma[0].tobytes() for luma in others.luma)


def test_every_kind_appears(drawn: Sprites) -> None:
    assert set(drawn.kinds) == set(range(len(KINDS)))


def test_a_road_user_is_whole_inside_its_sprite(drawn: Sprites) -> None:
    for alpha in drawn.alpha:
        assert max(alpha.shape) <= 200
        solid = alpha > 127
        assert solid.any()
        assert not solid[[0, -1]].any()
        assert not solid[:, [0, -1]].any()


def test_the_same_seed_shoots_the_same_scenes(scenes: Frames) -> None:
    again = frames(SEED, 5)
    np.testing.assert_array_equal(np.stack(scenes.now), np.stack(again.now))
    np.testing.assert_array_equal(np.stack(scenes.background), np.stack(again.background))
    assert scenes.boxes == again.boxes


def test_pictures_have_the_size_of_their_seed(scenes: Frames) -> None:
    width, height = SIZES_PX[SEED % len(SIZES_PX)]
    assert {picture.shape for picture in scenes.now + scenes.background} == {(height, width)}


def test_a_box_holds_what_differs_from_the_empty_street(scenes: Frames) -> None:
    width, height = SIZES_PX[SEED % len(SIZES_PX)]
    assert len(scenes.boxes) == len(scenes.kinds) > 0
    for number, left, top, right, bottom in scenes.boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        part = np.s_[int(top) : int(bottom), int(left) : int(right)]
        now = scenes.now[int(number)][part].astype(float)
        assert np.abs(now - scenes.background[int(number)][part]).mean() > 2.0
