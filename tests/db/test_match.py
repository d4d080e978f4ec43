"""match_v1 against plain NumPy, and the plans PostgreSQL makes of it."""

import dataclasses

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector

from songradar.db import search
from songradar.db.errors import EncoderUnknown
from tests.db.questions import HOP_S, QUERY_HOP_S, WEIGHTS, find, judge_by
from tests.db.rows import active_encoder_id, add_recording, add_song, add_trees, between, noisy, unit_vectors
from tests.reach import connect


def number_of(title):
    with connect() as connection:
        return connection.execute("SELECT song_id FROM songradar.songs_v1 WHERE title = %s", [title]).fetchone()[0]


def centred(query, span_s):
    """A recording's fragments without most of what they have in common."""
    rest = query - 0.8 * span_s / (1 + span_s) * query.mean(axis=0)
    return rest / np.linalg.norm(rest, axis=1, keepdims=True)


def test_piece_of_a_song_is_found_where_it_starts(forest, rng):
    query = noisy(unit_vectors(40, seed=7)[11:19], rng)
    best, *_ = find(query, HOP_S * np.arange(8))

    assert (best.title, best.offset_s, best.coverage, best.n_fragments) == ("Tree 7", 5.5, 1.0, 8)


def test_score_equals_the_plain_computation(forest, rng):
    vectors = unit_vectors(40, seed=7)[11:19]
    query = noisy(vectors, rng)
    similarities = np.sum(centred(query, span_s=3.5) * vectors, axis=1)
    best, *_ = find(query, HOP_S * np.arange(8))

    assert best.score == pytest.approx(similarities.mean(), abs=2e-3)  # halfvec keeps 11 bits


def test_recording_that_begins_before_the_song_has_a_negative_offset(forest, rng):
    query = np.concatenate([unit_vectors(4, seed=999), noisy(unit_vectors(40, seed=3)[:6], rng)])
    best, *_ = find(query, HOP_S * np.arange(10))

    assert (best.title, best.offset_s, best.coverage) == ("Tree 3", -2.0, pytest.approx(0.6, abs=0.2))


def test_what_all_fragments_have_in_common_does_not_count(database, rng):
    """Noise like a song that is much the same throughout: taken whole, every fragment lies nearer to that song."""
    drone = unit_vectors(1, seed=100)
    add_trees(5, n=40)
    add_song("Drone", n=40, seed=6)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "UPDATE songradar.fragments SET embedding = l2_normalize((embedding + %s::halfvec))"
            " WHERE song_id = (SELECT id FROM songradar.songs WHERE title = 'Drone')",
            [str((2 * drone[0]).tolist())],
        )
    query = noisy(unit_vectors(40, seed=3)[8:24] + 1.5 * drone, rng)
    best, *_ = find(query / np.linalg.norm(query, axis=1, keepdims=True), HOP_S * np.arange(16))

    assert (best.title, best.offset_s) == ("Tree 3", 4.0)


def test_missing_fragments_of_the_query_do_not_shift_the_answer(forest, rng):
    kept = np.array([0, 1, 5, 6])
    best, *_ = find(noisy(unit_vectors(40, seed=7)[10 + kept], rng), HOP_S * kept)

    assert (best.title, best.offset_s, best.n_fragments) == ("Tree 7", 5.0, 4)


def test_query_fragments_between_stored_ones_are_compared_with_the_point_between(forest, rng):
    points = between(unit_vectors(40, seed=7), 4.25 + 0.5 * np.arange(15))
    query = noisy(points, rng)
    best, *_ = find(query, QUERY_HOP_S * np.arange(15))

    assert (best.title, best.offset_s, best.n_fragments) == ("Tree 7", 2.125, 15)
    assert best.score == pytest.approx(np.sum(centred(query, span_s=3.5) * points, axis=1).mean(), abs=5e-3)


@pytest.mark.parametrize("pace", [0.96, 1.04])
def test_long_recording_played_too_fast_or_slow_is_followed_to_its_end(database, rng, pace):
    add_trees(5, n=120)
    offsets_s = QUERY_HOP_S * np.arange(120)
    query = between(unit_vectors(120, seed=3), (10 + pace * offsets_s) / HOP_S)
    best, *_ = find(noisy(query, rng), offsets_s)

    assert (best.title, best.coverage) == ("Tree 3", pytest.approx(1, abs=0.05))
    assert best.offset_s == pytest.approx(10, abs=0.15)
    assert best.score > 0.8


def test_recording_of_many_minutes_is_thinned(database, rng):
    add_trees(3, n=1300)
    best, *_ = find(noisy(unit_vectors(1300, seed=1)[20:1220], rng), HOP_S * np.arange(1200))

    assert (best.title, best.offset_s, best.coverage) == ("Tree 1", 10.0, 1.0)
    assert best.n_fragments == 120


def test_drifting_votes_count_together(forest, rng):
    """A recording played 3 % too fast votes for starts that wander by more than one bin."""
    offsets_s = HOP_S / 1.03 * np.arange(16)
    best, *_ = find(noisy(unit_vectors(40, seed=7)[8:24], rng), offsets_s)

    assert best.title == "Tree 7"
    assert best.offset_s == pytest.approx(4.0, abs=HOP_S)


def test_a_song_that_is_like_itself_everywhere_leaves_room_for_others(database, rng):
    add_song("Loop", n=40, seed=1)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "UPDATE songradar.fragments SET embedding = (SELECT embedding FROM songradar.fragments LIMIT 1)"
        )
    add_trees(6, n=40, first=2)
    query = np.concatenate([unit_vectors(40, seed=1)[:1]] * 6 + [unit_vectors(40, seed=5)[:2]])
    found = find(query, HOP_S * np.arange(8))

    assert [match.title for match in found[:2]] == ["Loop", "Tree 5"]


def test_only_the_first_match_is_ever_accepted(forest, rng):
    judge_by(WEIGHTS | {"intercept": [9, 9], "threshold": [0.5, 0.5]})
    found = find(noisy(unit_vectors(40, seed=7)[:4], rng), HOP_S * np.arange(4))

    assert [match.accepted for match in found] == [True, False, False, False, False]


@pytest.mark.parametrize("exact", [False, True])
def test_songs_outside_the_choice_are_evidence_but_no_answers(forest, rng, exact):
    """A choice of songs must not make its only song sure: what it is compared with is the whole catalogue."""
    judge_by(WEIGHTS)
    query, offsets_s = noisy(unit_vectors(40, seed=7)[11:19], rng), HOP_S * np.arange(8)
    everywhere = find(query, offsets_s, exact=exact)
    (right,) = find(query, offsets_s, exact=exact, songs=[number_of("Tree 7")])
    (wrong,) = find(query, offsets_s, exact=exact, songs=[number_of("Tree 3")])

    assert dataclasses.replace(right, lead=everywhere[0].lead) == everywhere[0]
    assert right.lead == pytest.approx(everywhere[0].lead, abs=0.01)  # of the others, it may know one more
    assert right.accepted
    assert (wrong.rank, wrong.title, wrong.accepted) == (1, "Tree 3", False)
    assert wrong.lead < 0 < right.lead
    assert wrong.confidence < 0.05


def test_coverage_counts_neighbours_among_all_songs(forest, rng):
    """Among the fragments of one song, any place of it is near."""
    query = noisy(unit_vectors(40, seed=7)[11:19], rng)
    (wrong,) = find(query, HOP_S * np.arange(8), songs=[number_of("Tree 3")])

    assert wrong.coverage < 0.3


@pytest.mark.parametrize("shift", [0, 3.5])
def test_second_file_of_a_recording_is_no_rival_and_is_told(forest, rng, shift):
    """An album and a compilation hold the same recording, a few seconds and half a hop apart."""
    judge_by(WEIGHTS)
    query, offsets_s = noisy(unit_vectors(40, seed=7)[11:19], rng), HOP_S * np.arange(8)
    single, *_ = find(query, offsets_s)
    add_recording("Compilation", noisy(between(unit_vectors(40, seed=7), shift + np.arange(36)), rng, 0.005))
    first, second, third, *_ = find(query, offsets_s)

    assert {first.title, second.title} == {"Tree 7", "Compilation"}
    assert first.accepted
    assert (first.same_recording, second.same_recording, third.same_recording) == (True, True, False)
    assert first.lead == pytest.approx(single.lead, abs=0.1)
    assert second.lead > 0.3


def test_second_file_that_is_found_at_another_bar_is_no_rival(forest, rng):
    """Four bars that are much alike: noise leads one file to the second bar and the other to the third."""
    judge_by(WEIGHTS)
    bar = unit_vectors(8, seed=70)
    bars = [noisy(bar, np.random.default_rng(number), 0.12) for number in range(4)]
    tune = np.concatenate([unit_vectors(12, seed=71), *bars, unit_vectors(12, seed=72)])
    add_recording("Tune", tune / np.linalg.norm(tune, axis=1, keepdims=True))
    single, *_ = find(bars[1])
    worn = tune.copy()
    worn[20:28], worn[28:36] = noisy(bars[1], rng, 0.05), bars[1]
    add_recording("Tune, worn", worn / np.linalg.norm(worn, axis=1, keepdims=True))
    first, second, *_ = find(bars[1])

    assert first.offset_s != pytest.approx(second.offset_s, abs=1)
    assert (first.same_recording, second.same_recording) == (True, True)
    assert first.confidence == pytest.approx(single.confidence, abs=0.01)


def test_encoder_of_fragments_that_do_not_overlap_has_no_twins(forest, rng):
    """Its embeddings of different recordings may be as much alike as another encoder's of one."""
    with connect() as connection:
        connection.execute(
            "UPDATE songradar.encoders SET spec = spec || jsonb_build_object('hop_s', spec -> 'fragment_s')"
        )
    query, offsets_s = noisy(unit_vectors(40, seed=7)[11:19], rng), np.arange(8)
    add_recording("Compilation", noisy(unit_vectors(40, seed=7), rng, 0.005))
    first, second, *_ = find(query, offsets_s)

    assert {first.title, second.title} == {"Tree 7", "Compilation"}
    assert (first.same_recording, second.same_recording) == (True, False)


def test_song_that_shares_a_passage_remains_a_rival(forest, rng):
    """Two songs with the same four seconds: nobody can say which of them that was."""
    query, offsets_s = noisy(unit_vectors(40, seed=7)[11:19], rng), HOP_S * np.arange(8)
    alone, *_ = find(query, offsets_s)
    medley = unit_vectors(40, seed=777)
    medley[11:19] = noisy(unit_vectors(40, seed=7)[11:19], rng, 0.005)
    add_recording("Medley", medley)
    first, second, *_ = find(query, offsets_s)

    assert {first.title, second.title} == {"Tree 7", "Medley"}
    assert (first.same_recording, second.same_recording) == (True, False)
    assert first.peak < alone.peak / 4


def test_empty_catalogue_has_no_match(database):
    assert find(unit_vectors(3, 1), [0, 0.5, 1]) == []


def test_limit_bounds_the_answer_and_ranks_count_from_one(forest, rng):
    found = find(noisy(unit_vectors(40, seed=7)[:4], rng), HOP_S * np.arange(4), limit=3)

    assert [match.rank for match in found] == [1, 2, 3]
    assert found == sorted(found, key=lambda match: -match.score)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("(0, %(query)s, %(offsets)s)", "there is no encoder 0"),
        ("(NULL, %(query)s, %(offsets)s)", "there is no encoder NULL"),
        ("(%(encoder)s, %(query)s, %(offsets)s || 1::real)", "3 embeddings but 4 offsets"),
        ("(%(encoder)s, %(query)s, NULL)", "3 embeddings but NULL instead of offsets"),
        ("(%(encoder)s, NULL, NULL)", "NULL instead of embeddings but NULL instead of offsets"),
        ("(%(encoder)s, %(query)s || NULL::public.halfvec, %(offsets)s || 1::real)", "an embedding is NULL"),
        ("(%(encoder)s, %(query)s, ARRAY[0, NULL, 1]::real[])", "an offset is no number"),
        ("(%(encoder)s, %(query)s, ARRAY[0, 'NaN', 1]::real[])", "an offset is no number"),
        ("(%(encoder)s, %(query)s, %(offsets)s, max_matches => 0)", "at least 1"),
        ("(%(encoder)s, %(query)s, %(offsets)s, exact => NULL)", "are true or false"),
        ("(%(encoder)s, %(query)s, %(offsets)s, first_look => NULL)", "are true or false"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(forest, arguments, message):
    values = {
        "encoder": active_encoder_id(),
        "query": [HalfVector(vector) for vector in unit_vectors(3, seed=7)],
        "offsets": [0.0, 0.5, 1.0],
    }
    statement = f"SELECT * FROM songradar.match_v1{arguments.replace('%(offsets)s', '%(offsets)s::real[]')}"
    with connect() as connection, pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
        connection.execute(statement, values)


def test_recording_without_fragments_has_no_match(forest):
    with connect() as connection:
        found = connection.execute("SELECT * FROM songradar.match_v1(%s, '{}', '{}')", [active_encoder_id()]).fetchall()

    assert found == []


def test_unknown_encoder_is_named(database):
    with connect() as connection, pytest.raises(EncoderUnknown, match="no encoder called nix"):
        search.read_encoder(connection, "nix")


def test_exact_search_names_the_same_song(forest, rng):
    query = noisy(unit_vectors(40, seed=7)[11:19], rng)
    by_index, exact = (find(query, HOP_S * np.arange(8), exact=exact) for exact in (False, True))

    evidence = {"lead": by_index[0].lead, "peak": by_index[0].peak, "confidence": by_index[0].confidence}
    assert dataclasses.replace(exact[0], **evidence) == by_index[0]
    assert len(exact) == 5


def test_match_does_not_depend_on_the_search_path(forest, database, rng):
    vector = str(unit_vectors(40, seed=7)[5].tolist())
    with psycopg.connect(database) as connection:
        connection.execute("SET search_path = pg_catalog")
        row = connection.execute(
            "SELECT offset_s FROM songradar.match_v1(%s, ARRAY[%s::public.halfvec], ARRAY[0::real])",
            [active_encoder_id(), vector],
        ).fetchone()

    assert row == (2.5,)


def test_every_field_of_a_match_is_a_column_of_the_function_or_of_the_song():
    assert {field.name for field in dataclasses.fields(search.Match)} == {
        "rank", "song_id", "title", "artist", "source", "offset_s", "score", "coverage", "lead", "peak", "n_fragments",
        "confidence", "accepted", "same_recording", "album", "isrc", "mbid", "tags",
    }  # fmt: skip
