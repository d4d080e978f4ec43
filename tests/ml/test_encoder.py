"""Fingerprints: where fragments lie, which are left out, and what an encoder file must be."""

import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onnx import TensorProto, helper

from songradar.ml.audio import windows
from songradar.ml.encoder import BATCH_SIZE, Encoder, read_onnx, sha256_of
from songradar.ml.errors import ClipTooShort, EncoderFileError, SilentAudio
from songradar.ml.spec import EMBEDDING_DIM, AudioSpec
from tests import synth
from tests.toy_encoder import SPEC

RATE_HZ = SPEC.sample_rate_hz


@pytest.fixture(scope="module")
def encoder(toy_folder):
    return Encoder.read(toy_folder)


def in_blocks(samples, rng):
    while len(samples):
        n = int(rng.integers(0, 3000))
        yield samples[:n]
        samples = samples[n:]


def test_song_has_a_fragment_every_hop(encoder, rng):
    fingerprint = encoder.fingerprint_song([synth.melody(rng, 5, RATE_HZ)])

    assert fingerprint.positions.tolist() == list(range(9))
    assert fingerprint.positions.dtype == np.int32
    assert fingerprint.offsets_s.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    assert fingerprint.embeddings.shape == (9, EMBEDDING_DIM)
    assert fingerprint.embeddings.dtype == np.float32
    assert (fingerprint.hop_s, fingerprint.duration_s) == (SPEC.hop_s, 5)


def test_query_has_a_fragment_every_query_hop(encoder, rng):
    fingerprint = encoder.fingerprint_query([synth.melody(rng, 2, RATE_HZ)])

    assert fingerprint.offsets_s.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert fingerprint.hop_s == SPEC.query_hop_s


def test_embeddings_are_those_of_the_windows(encoder, rng):
    song = synth.melody(rng, 2 * BATCH_SIZE, RATE_HZ)  # more fragments than fit in one batch
    cut = np.stack(list(windows(iter([song]), SPEC.fragment_samples, SPEC.samples(SPEC.hop_s))))

    fingerprint = encoder.fingerprint_song([song])

    np.testing.assert_allclose(fingerprint.embeddings, encoder.embed(cut), atol=1e-5)


def test_blocks_make_no_difference(encoder, rng):
    song = synth.melody(rng, 7.3, RATE_HZ)

    whole, streamed = encoder.fingerprint_song([song]), encoder.fingerprint_song(in_blocks(song, rng))

    np.testing.assert_array_equal(streamed.embeddings, whole.embeddings)
    np.testing.assert_array_equal(streamed.positions, whole.positions)
    assert streamed.duration_s == whole.duration_s == pytest.approx(7.3)


def test_silence_is_skipped_and_positions_keep_their_place(encoder, rng):
    song = synth.melody(rng, 8, RATE_HZ)
    silent = song.copy()
    silent[2 * RATE_HZ : 4 * RATE_HZ] = 0

    fingerprint = encoder.fingerprint_song([silent])

    audible = [i for i in range(15) if i not in (4, 5, 6)]
    assert fingerprint.positions.tolist() == audible
    untouched = [audible.index(i) for i in (0, 1, 2, 8, 9, 14)]
    np.testing.assert_allclose(
        fingerprint.embeddings[untouched], encoder.fingerprint_song([song]).embeddings[[0, 1, 2, 8, 9, 14]], atol=1e-5
    )


def test_silence_is_judged_by_the_spec(encoder, toy_folder, rng):
    quiet = synth.melody(rng, 2, RATE_HZ) * 10 ** (-40 / 20)
    deaf = Encoder(read_onnx(toy_folder), dataclasses.replace(SPEC, silence_dbfs=-40.0), "deaf")

    assert len(encoder.fingerprint_song([quiet]).positions) == 3
    with pytest.raises(SilentAudio, match=r"^is silent$"):
        deaf.fingerprint_song([quiet])


def test_short_clip_is_refused(encoder, rng):
    with pytest.raises(ClipTooShort, match=r"^is too short: 0\.6 s, and encoder toy needs at least 1 s$"):
        encoder.fingerprint_query([synth.melody(rng, 0.6, RATE_HZ)])


def test_no_samples_are_too_short(encoder):
    with pytest.raises(ClipTooShort, match=r"^is too short: 0\.0 s"):
        encoder.fingerprint_query([])


def test_silent_clip_is_refused(encoder):
    with pytest.raises(SilentAudio, match=r"^is silent$"):
        encoder.fingerprint_query([np.zeros(3 * RATE_HZ, np.float32)])


@pytest.mark.parametrize("missing_share", [0.001, 0.005, 0.01])
def test_clip_that_lacks_a_moment_is_padded(missing_share, encoder, rng):
    fragment = synth.melody(rng, 1, RATE_HZ)
    cut = fragment[: round((1 - missing_share) * len(fragment))]

    fingerprint = encoder.fingerprint_query([cut])

    assert fingerprint.positions.tolist() == [0]
    np.testing.assert_allclose(fingerprint.embeddings, encoder.embed(fragment[None]), atol=0.05)


def test_threads_share_one_encoder(encoder, rng):
    songs = [synth.melody(rng, 6, RATE_HZ) for _ in range(8)]
    expected = [encoder.fingerprint_song([song]).embeddings for song in songs]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda song: encoder.fingerprint_song([song]).embeddings, songs * 4))

    for got, wanted in zip(results, expected * 4, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_broken_onnx_is_refused():
    with pytest.raises(EncoderFileError, match=r"^encoder toy: not an ONNX model that can be run \("):
        Encoder(b"no network", SPEC, "toy")


def test_other_number_of_dimensions_is_refused():
    graph = helper.make_graph(
        [helper.make_node("Identity", ["waveform"], ["embedding"])],
        "copy",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["n", 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 32])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    with pytest.raises(EncoderFileError, match=r"^encoder copy: gives 32 dimensions instead of 64$"):
        Encoder(model.SerializeToString(), SPEC, "copy")


def test_folder_without_encoder_is_refused(tmp_path):
    with pytest.raises(EncoderFileError, match=r"holds no encoder\.onnx that can be read"):
        Encoder.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{}", "is incomplete"), ("[", "cannot be read as an AudioSpec"), ("[]", "AudioSpec")],
)
def test_broken_spec_is_refused(text, reason, tmp_path):
    (tmp_path / "spec.json").write_text(text)

    with pytest.raises(EncoderFileError, match=reason):
        AudioSpec.read(tmp_path / "spec.json")


def test_spec_comes_back_from_its_file(tmp_path):
    SPEC.write(tmp_path / "spec.json")

    assert AudioSpec.read(tmp_path / "spec.json") == SPEC


def test_encoder_is_identified_by_its_bytes(toy_folder):
    content = (toy_folder / "encoder.onnx").read_bytes()

    assert read_onnx(toy_folder) == content
    assert sha256_of(content) == hashlib.sha256(content).digest()
