"""Files that were uploaded lie whole in their places, or not at all."""

import threading
from contextlib import ExitStack

import pytest

from songradar.uploads import store_upload


@pytest.fixture
def sent(tmp_path):
    """A file that has come."""
    path = tmp_path / "upload"
    path.write_bytes(b"music" * 1000)
    return path


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_file_stays_only_if_it_is_kept(sent, tmp_path):
    folder = tmp_path / "songs"
    with store_upload(sent, folder, "a.wav") as place:
        assert place.path.read_bytes() == sent.read_bytes()
    left = files_in(folder)
    with store_upload(sent, folder, "a.wav") as place:
        place.keep()

    assert (left, files_in(folder)) == ([], ["a.wav"])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_file_that_comes_twice_at_once_stays_if_one_of_them_keeps_it(order, sent, tmp_path):
    uploads = ExitStack(), ExitStack()
    first, second = (upload.enter_context(store_upload(sent, tmp_path / "songs", "a.wav")) for upload in uploads)
    second.keep()
    for number in order:
        uploads[number].close()

    assert first.path == second.path
    assert files_in(tmp_path / "songs") == ["a.wav"]


def test_nobody_sees_half_a_file(sent, tmp_path, monkeypatch):
    """The second upload waits until the first has copied."""
    sent.write_bytes(bytes(64 << 20))
    sizes = []

    def upload():
        with store_upload(sent, tmp_path / "songs", "a.wav") as place:
            sizes.append(place.path.stat().st_size)

    threads = [threading.Thread(target=upload) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sizes == 3 * [64 << 20]
    assert files_in(tmp_path / "songs") == []
