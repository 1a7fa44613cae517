"""Files appear whole or not at all."""

import hashlib
import stat

import pytest

from poco_ros.whole_files import sha256_of, written_whole


def test_written_and_replaced(tmp_path):
    path = tmp_path / 'file'
    for text in ('first', 'second'):
        with written_whole(path) as temporary:
            assert temporary.parent == tmp_path
            temporary.write_text(text)
            assert not path.exists() or path.read_text() == 'first'
        assert path.read_text() == text
    assert [p.name for p in tmp_path.iterdir()] == ['file'] and stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_text('half')
        raise RuntimeError
    assert path.read_text() == 'old' and [p.name for p in tmp_path.iterdir()] == ['file']
    with pytest.raises(OSError), written_whole(tmp_path / 'missing' / 'file'):
        pass


def test_hash(tmp_path):
    data = bytes(range(256)) * 9000
    (tmp_path / 'file').write_bytes(data)
    assert sha256_of(tmp_path / 'file') == hashlib.sha256(data).hexdigest()
