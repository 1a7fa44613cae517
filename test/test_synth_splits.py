import pytest

from poco_ros.synth.shards import SPLITS
from poco_ros.synth.splits import SHARES, split_names, split_people


@pytest.mark.parametrize('count', [4, 5, 24, 69, 200])
def test_every_name_is_in_one_split_and_every_split_has_some(count):
    names = [f'outfit{i}' for i in range(count)]
    parts = split_names(names)
    assert sorted(name for part in parts.values() for name in part) == sorted(names)
    assert all(parts[split] for split in SPLITS)
    if count == 200:
        assert {split: len(part) for split, part in parts.items()} == {s: round(200 * SHARES[s]) for s in SPLITS}


def test_the_division_of_names_does_not_depend_on_their_order():
    names = [f'n{i}' for i in range(30)]
    assert split_names(names) == split_names(names[::-1])


def test_too_few_names_cannot_be_divided():
    with pytest.raises(ValueError, match='3 names'):
        split_names(['a', 'b', 'c'])


def test_people_are_divided_by_their_frames():
    frames = {f'p{i:02}': 100 for i in range(40)}
    parts = split_people(frames)
    total = sum(frames.values())
    assert sorted(name for part in parts.values() for name in part) == sorted(frames)
    for split in SPLITS:
        assert sum(frames[name] for name in parts[split]) / total == pytest.approx(SHARES[split], abs=0.03)


def test_one_person_with_nearly_everything_leaves_no_split_empty():
    parts = split_people({'most': 100_000, 'a': 10, 'b': 20, 'c': 5})
    assert all(parts[split] for split in SPLITS)
    assert parts['train'] == ('most',)


def test_fewer_people_than_splits_are_all_for_testing():
    assert split_people({'only': 10, 'two': 5}) == {'train': (), 'val': (), 'calibration': (), 'test': ('only', 'two')}
