"""What a song has beyond what strangers reach, in catalogues of any size, and what follows from it."""

import json

import numpy as np
import pytest

from tests.db.questions import WEIGHTS, find, judge_by
from tests.db.rows import add_recording, add_song, add_trees, noisy, unit_vectors
from tests.reach import connect

SEVEN = unit_vectors(40, seed=7)


def confidence(lead, peak, n_fragments, weights=WEIGHTS):
    """As the database computes it."""
    with connect() as connection:
        row = connection.execute(
            "SELECT songradar.confidence_v1(ROW(%s, %s, %s)::songradar.evidence_v1, %s)",
            [lead, peak, n_fragments, json.dumps(weights)],
        ).fetchone()
    return row[0]


def give_cohort(embeddings):
    """Let these (S, L, 64) be the strangers that the encoder brings with it."""
    text = (
        "{" + ",".join("{" + ",".join(f'"{list(e)}"' for e in stretch) + "}" for stretch in embeddings.tolist()) + "}"
    )
    with connect() as connection:
        connection.execute("UPDATE songradar.encoders SET cohort = %s", [text])


@pytest.fixture
def cohort(database):
    """Thirty strangers of sixteen fragments, and weights."""
    add_song("Tree 7", n=40, seed=7)
    give_cohort(np.stack([unit_vectors(16, seed=1000 + number) for number in range(30)]))
    judge_by(WEIGHTS)


def expected_confidence(lead, peak, n_fragments):
    share = np.log(n_fragments) / np.log(16)
    intercept, of_lead, of_peak = (
        (1 - share) * WEIGHTS[name][0] + share * WEIGHTS[name][1] for name in ("intercept", "lead", "peak")
    )
    return 1 / (1 + np.exp(-(intercept + of_lead * lead + of_peak * peak)))


@pytest.mark.parametrize("n_fragments", [1, 2, 5, 16])
def test_confidence_is_the_logistic_of_the_evidence(database, n_fragments):
    assert confidence(0.2, 0.7, n_fragments) == pytest.approx(expected_confidence(0.2, 0.7, n_fragments))


def test_beyond_the_lengths_it_was_fitted_on_weights_stay_as_they_are(database):
    assert confidence(0.2, 0.7, 400) == confidence(0.2, 0.7, 16)
    assert confidence(0.2, 0.7, 3, WEIGHTS | {name: values[:1] for name, values in WEIGHTS.items()}) == pytest.approx(
        confidence(0.2, 0.7, 1)
    )


@pytest.mark.parametrize("n_fragments", [1, 4, 29, 100])
def test_each_piece_of_evidence_alone_moves_the_confidence_the_right_way(database, n_fragments):
    leads = [confidence(lead, 0.5, n_fragments) for lead in (-0.2, 0, 0.1, 0.4)]
    peaks = [confidence(0.1, peak, n_fragments) for peak in (0, 0.3, 0.7, 2)]

    assert leads == sorted(set(leads))
    assert peaks == sorted(set(peaks))


def test_without_weights_the_lead_stands_for_the_probability(cohort, rng):
    with connect() as connection:
        connection.execute("UPDATE songradar.encoders SET calibration = NULL")
    (song,) = find(noisy(SEVEN[11:19], rng))
    (stranger,) = find(unit_vectors(8, seed=99))

    assert (song.confidence, song.accepted) == (pytest.approx(1), True)
    assert stranger.confidence == pytest.approx(max(0, 2.5 * stranger.lead), abs=1e-6)
    assert not stranger.accepted


def test_lead_and_peak_equal_the_plain_computation(cohort, rng):
    """Among 250 songs, those that are not the first say what strangers reach, and the cohort is not asked."""
    add_trees(250, n=10, first=100)
    query = noisy(SEVEN[11:19], rng)
    first, *others = find(query, limit=11)
    scores = [other.score for other in others]

    assert first.lead == pytest.approx(first.score - np.mean(scores), abs=1e-3)
    assert first.peak > 3
    assert others[0].lead < 0
    assert others[0].peak < 0.1


@pytest.mark.parametrize("n_others", [0, 1, 9])
def test_catalogue_of_few_songs_names_what_it_holds_and_nothing_else(cohort, rng, n_others):
    add_trees(n_others, n=40, first=200)
    song, *_ = find(noisy(SEVEN[11:19], rng))
    strangers = [find(unit_vectors(8, seed=seed))[0] for seed in range(300, 320)]

    assert (song.title, song.accepted) == ("Tree 7", True)
    assert not any(stranger.accepted for stranger in strangers)


def test_confidence_means_the_same_in_catalogues_of_any_size(cohort, rng):
    """A piece of a song, loud noise over it, has about the same confidence among 1, 2, 10 and 300 songs."""
    query = noisy(SEVEN[11:19], rng, 0.16)
    found = []
    for n_more, first in ((0, 0), (1, 200), (8, 201), (290, 1000)):
        add_trees(n_more, n=10, first=first)
        found.append(find(query)[0])

    assert {match.title for match in found} == {"Tree 7"}
    assert np.ptp([match.lead for match in found]) < 0.15
    assert np.ptp([match.confidence for match in found]) < 0.1


@pytest.mark.parametrize("n_others", [0, 1, 9, 290])
def test_another_file_of_a_song_leaves_it_as_sure_as_it_was(cohort, rng, n_others):
    """With so many songs beside the two."""
    add_trees(n_others, n=10, first=1000)
    query = noisy(SEVEN[11:19], rng, 0.16)
    alone, *_ = find(query)
    add_recording("Compilation", noisy(SEVEN[2:], rng, 0.01))
    first, second, *_ = find(query)

    assert {first.title, second.title} == {"Tree 7", "Compilation"}
    assert (first.same_recording, second.same_recording) == (True, True)
    assert first.confidence == pytest.approx(alone.confidence, abs=0.05)


@pytest.mark.parametrize(
    ("likeness", "is_rival", "is_twin"),
    [(0, False, False), (0.5, True, False), (0.6, True, False), (0.95, False, True)],
)
def test_song_that_is_much_like_the_first_is_a_rival_unless_it_is_the_same_recording(
    cohort, rng, likeness, is_rival, is_twin
):
    judge_by(WEIGHTS | {"intercept": [-11.0, -9.0]})  # confidences far from 1, where evidence shows
    query = noisy(SEVEN[11:19], rng, 0.16)
    alone, *_ = find(query)
    add_recording("Another", likeness * SEVEN + np.sqrt(1 - likeness**2) * unit_vectors(40, seed=8))
    first, second, *_ = find(query)

    assert second.same_recording == is_twin
    assert (first.lead < alone.lead - 0.02) == is_rival
    assert (first.peak < 0.95 * alone.peak) == is_rival
    assert (first.confidence < alone.confidence - 0.1) == is_rival


@pytest.mark.parametrize("choice", [{"artist": "the trees"}, {"collection": "wood"}])
def test_a_choice_is_as_sure_of_a_song_as_the_whole_catalogue(cohort, rng, choice):
    """Of the recording's song, and of one that is not."""
    add_trees(20, n=40, first=1000)
    with connect() as connection:
        connection.execute("UPDATE songradar.songs SET collection = 'wood' WHERE title = 'Tree 7'")
        connection.execute("UPDATE songradar.songs SET artist = 'The Shrubs' WHERE title <> 'Tree 7'")
    for query in (noisy(SEVEN[11:19], rng, 0.16), unit_vectors(8, seed=99)):
        everywhere = {match.title: match for match in find(query, limit=300)}
        (chosen,) = find(query, **choice)

        assert chosen.title == "Tree 7"
        assert chosen.confidence == pytest.approx(everywhere["Tree 7"].confidence, abs=0.01)
        assert chosen.accepted == everywhere["Tree 7"].accepted


def test_burst_of_noise_is_not_held_against_the_rest(cohort, rng):
    """Half of a recording is something else: the mean suffers, what each fragment has beyond strangers does not."""
    add_trees(250, n=10, first=100)
    whole = noisy(SEVEN[11:27], rng)
    half = np.concatenate([whole[:8], unit_vectors(8, seed=4321)])
    first, second, *_ = find(half)

    assert (first.title, first.accepted) == ("Tree 7", True)
    assert first.peak == pytest.approx(find(whole)[0].peak / 2, rel=0.2)
    assert second.peak < first.peak / 4


def test_encoder_without_a_cohort_still_finds_its_song(database, rng):
    add_song("Tree 7", n=40, seed=7)
    (song,) = find(noisy(SEVEN[11:19], rng))

    assert (song.title, song.lead) == ("Tree 7", song.score)
    assert song.peak == pytest.approx(-4 * np.log(1 - song.score), rel=0.1)


def test_cohort_comes_out_of_the_database_as_it_went_in(database, toy_folder, tmp_path, rng):
    from songradar.db.encoders import add_encoder, read_whole
    from songradar.ml.package import EncoderPackage, read_package, write_cohort, write_package
    from tests.reach import engine

    package = read_package(toy_folder)
    write_package(package, tmp_path)
    write_cohort(tmp_path, rng.standard_normal((3, 5, 64)))
    with_cohort = read_package(tmp_path, "toy")
    added = add_encoder(engine(), with_cohort)

    assert not added  # its network is there already; its cohort is new
    assert EncoderPackage(**vars(read_whole(engine(), "toy"))) == with_cohort
