"""Exact search names what it should, with an embedding that needs no training."""

from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.conditions import Surroundings
from songradar.ml.errors import TrainingDataError
from tests.ml.tiny import CONTRASTIVE_SPEC as SPEC

pytestmark = pytest.mark.train


@pytest.fixture
def retrieval():
    from songradar.ml.training.contrastive import retrieval

    return retrieval


@pytest.fixture
def short_songs(sides):
    """One song of four seconds."""
    return replace(sides[1].songs, names=("short.wav",), starts=np.array([0, 32_000]))


@pytest.fixture
def embed():
    """A random projection: alike stays alike."""
    projection = np.random.default_rng(5).standard_normal((SPEC.n_frames * SPEC.n_mels, SPEC.dim)).astype(np.float32)

    def embed(views):
        embeddings = views.reshape(len(views), -1) @ projection
        return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-9)

    return embed


@pytest.fixture(scope="module")
def trial(sides):
    from songradar.ml.training.contrastive.retrieval import draw_trial

    return draw_trial(sides[1].songs, SPEC, sides[1].surroundings, per_condition=8, seed=3)


def test_trial_has_its_number_of_queries_of_each_condition(retrieval, trial):
    n = len(retrieval.QUERIED)

    assert trial.views.shape == (8 * n, retrieval.N_STEPS, SPEC.n_frames, SPEC.n_mels)
    assert trial.condition.tolist() == np.repeat(np.arange(n), 8).tolist()
    assert len(set(trial.song.tolist())) == 3
    assert np.isfinite(trial.views.astype(np.float32)).all()


def test_every_kind_of_condition_is_queried(retrieval):
    assert [condition.name for condition in retrieval.QUERIED] == [
        "clean",
        "noise 0 dB",
        "noise -5 dB",
        "room + noise 5 dB",
        "loudspeaker, room, noise 5 dB, microphone",
        "phone chain",
        "speed 2 %",
        "speed 5 %",
        "speed 8 %",
        "tempo 4 %",
        "pitch 0.5 semitones",
        "pitch 1 semitone",
    ]


def test_trial_depends_on_the_seed_only(retrieval, sides):
    first, again, other = (
        retrieval.draw_trial(sides[1].songs, SPEC, sides[1].surroundings, per_condition=1, seed=seed)
        for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first.views, again.views)
    assert not np.array_equal(first.views, other.views)


def test_clean_recordings_are_found(retrieval, embed, material, trial):
    rates = retrieval.hit_rates(embed, material.catalogue, trial, SPEC)

    assert list(rates) == [f"{c.name}, {s} s" for c in retrieval.QUERIED for s in (1, 3)]
    assert rates["clean, 3 s"] >= 7 / 8


def test_every_recording_that_starts_where_a_fragment_does_is_found(retrieval, embed, material, rng):
    catalogue, n = material.catalogue, len(retrieval.QUERIED)
    song = rng.integers(3, size=n)
    first = catalogue.starts[song] + 16 * rng.integers(0, 30, n)
    frame = first[:, None, None] + 8 * np.arange(retrieval.N_STEPS)[:, None] + np.arange(SPEC.n_frames)
    trial = retrieval.Trial(catalogue.frames[frame], np.arange(n), song)

    rates = retrieval.hit_rates(embed, catalogue, trial, SPEC)

    assert set(rates.values()) == {1.0}


def test_embedding_that_says_nothing_finds_by_chance_only(retrieval, material, trial, rng):
    rates = retrieval.hit_rates(
        lambda v: rng.standard_normal((len(v), 4)), material.catalogue, trial, replace(SPEC, dim=4)
    )

    assert retrieval.mean_rate(rates) < 0.6  # one in three expected


def test_song_is_told_from_silence_between_songs(retrieval, embed, material):
    references, owner = retrieval._reference(embed, material.catalogue, SPEC)

    assert len(references) == len(owner)
    assert set(owner.tolist()) == {0, 1, 2}
    for song in range(3):
        mine = references[owner == song]
        assert not mine[-retrieval.N_STEPS :].any()
        np.testing.assert_allclose(np.linalg.norm(mine[: -retrieval.N_STEPS], axis=1), 1, atol=1e-4)


def test_songs_that_are_too_short_for_a_query_are_refused(retrieval, short_songs):
    with pytest.raises(TrainingDataError):
        retrieval.draw_trial(short_songs, SPEC, Surroundings(), per_condition=1, seed=0)


@pytest.mark.parametrize(("phase", "n_phases"), [(0, 1), (0, 2), (1, 2), (3, 4)])
@pytest.mark.parametrize("start", [0, 17, 40])
def test_planted_place_is_found(start, phase, n_phases, retrieval, rng):
    references = rng.standard_normal((60, 16))
    query = rng.standard_normal((retrieval.N_STEPS, 16))
    in_line = query[phase::n_phases]
    references[start : start + len(in_line)] = 2 * in_line + 0.3 * references[start : start + len(in_line)]

    assert retrieval._best_start(query, references, n_phases) == start


def test_one_loud_fragment_does_not_outweigh_a_line(retrieval, rng):
    references = rng.standard_normal((60, 16))
    references /= np.linalg.norm(references, axis=1, keepdims=True)
    query = rng.standard_normal((retrieval.N_STEPS, 16))
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    references[20:25] = 0.8 * query[::2]
    references[50] = query[4]

    assert retrieval._best_start(query, references, 2) == 20


def test_nearest_songs_are_those_that_sound_alike(retrieval, embed, rng):
    """Songs of one spectrum each: the second is nearly the first, the third is another, the fourth too short."""
    from songradar.ml.training.contrastive import bank

    spectra = rng.uniform(-60, 0, (2, SPEC.n_mels))
    spectra = np.stack([spectra[0], spectra[0] + rng.normal(0, 1, SPEC.n_mels), spectra[1]])
    frames = np.repeat(spectra, 200, axis=0).astype(np.float16)
    clean = bank.Clean(np.concatenate([frames, frames[:5]]), np.array([0, 200, 400, 600, 605]))

    nearest = retrieval.nearest_songs(embed, clean, SPEC, k=2)

    assert nearest.shape == (4, 2)
    assert nearest[:2, 0].tolist() == [1, 0]
    assert not any(song in row for song, row in enumerate(nearest.tolist()))


def test_mean_rate_is_over_all_conditions_and_lengths(retrieval):
    rates = {"clean, 1 s": 1.0, "clean, 3 s": 0.5, "noise, 1 s": 0.0}

    assert retrieval.mean_rate(rates) == 0.5
