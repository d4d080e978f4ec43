"""Reports of scans, read back by the programs they are for, or by strict readers of their specifications."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import pytest

from songradar.reports.errors import TooManyTracks
from songradar.reports.exchange import CUE_FRAMES
from songradar.reports.formats import FORMATS
from songradar.reports.records import FIELDS
from songradar.timeline import Playing

PAGE = Path(__file__).parents[2] / "docs" / "scanning.md"

SILENCE = Playing(0.0, 1.0, None, None, None, None, None, None, None, None, None, None, None, 0)
SONG = Playing(
    0.0, 221.5, 7, "Little Fluffy Clouds", "The Orb", "/music/clouds.mp3", "GBAYE0000351", None, 12.0, 233.4, 1.0,
    0.991, 0.95, 400,
)  # fmt: skip
NEXT = Playing(
    216.0, 470.25, 8, "Falling in Love", None, "/music/falling.mp3", None, None, 0.0, 258.0, 1.018, 0.974, 0.9, 500
)
UNKNOWN = replace(SILENCE, start_s=470.25, end_s=545.0, n_fragments=80)
MIX = (SONG, NEXT, UNKNOWN)

ODD = 'Ti"t=l;e# \\<b> & -->\n\tnext\x1b[2J, \u2028"end"'
"""A title that means something to every format."""

ODD_IN_ONE_LINE = 'Ti"t=l;e# \\<b> & --> next [2J, "end"'

CUE_LINES = (
    r'(?P<file>FILE "[^"\n]+" (WAVE|MP3|AIFF))',
    r"  TRACK (?P<number>\d\d) AUDIO",
    r'    TITLE "(?P<title>[^"\n]{0,80})"',
    r'    PERFORMER "(?P<performer>[^"\n]{0,80})"',
    r"    ISRC (?P<isrc>[A-Z0-9]{5}\d{7})",
    r"    INDEX 00 (?P<gap>00:00:00)",
    r"    INDEX 01 (?P<start>\d{2,}:[0-5]\d:[0-7]\d)",
    r" *REM .+",
)


def told(name, playings, recording="mix.mp3", began=None):
    form = FORMATS[name]
    return form.head(began) + "".join(form.tell(recording, iter(playings), began))


def read_cue(text):
    """Tracks as dictionaries; a line that the format does not know is an error, and so is an order it forbids."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch("|".join(re.sub(r"\?P<", f"?P<_{i}_", one) for i, one in enumerate(CUE_LINES)), line)
        assert match, line
        fields = {key.split("_", 2)[2]: value for key, value in match.groupdict().items() if value}
        if "number" in fields:
            found.append({})
        elif "file" in fields:
            assert not found
        if "file" not in fields and fields:
            assert found
            assert "start" not in found[-1]
            found[-1] |= fields
    starts = [frames(track["start"]) for track in found]
    assert [int(track["number"]) for track in found] == list(range(1, len(found) + 1))
    assert all(first < second for first, second in pairwise(starts))
    assert not found or "gap" in found[0] or starts[0] == 0
    return found


def frames(text):
    minutes, seconds, rest = map(int, text.split(":"))
    assert rest < CUE_FRAMES
    return (60 * minutes + seconds) * CUE_FRAMES + rest


def read_by_ffmpeg(text, tmp_path, container):
    path = tmp_path / "report"
    path.write_text(text, "utf-8", newline="")
    return av.open(str(path), format=container)


def test_table_is_what_a_person_reads():
    assert told("table", MIX).splitlines() == [
        "    from        to  song                                          in the song    speed  confidence",
        " 0:00:00   0:03:41  Little Fluffy Clouds by The Orb               0:12 - 3:53        -      99.1 %",
        " 0:03:36   0:07:50  Falling in Love                               0:00 - 4:18   +1.8 %        97 %",
        " 0:07:50   0:09:05  no match",
    ]


@pytest.mark.parametrize("name", list(FORMATS))
def test_song_that_was_removed_keeps_its_name_in_every_format(name):
    text = told(name, [replace(SONG, song_id=None, source=None, isrc=None), UNKNOWN])

    assert "Little Fluffy Clouds" in text
    assert text.count("Unknown") + text.count("no match") == (0 if name in ("json", "csv") else 1)


def test_table_tells_the_time_on_the_wall():
    began = datetime(2026, 11, 24, 23, 55, tzinfo=UTC)
    lines = told("table", MIX, began=began).splitlines()

    assert lines[1].startswith("2026-11-24 23:55:00  23:58:41  Little Fluffy Clouds")
    assert lines[3] == "2026-11-25 00:02:50  00:04:05  no match"


def test_table_fits_a_terminal_and_is_safe_for_it(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    lines = told("table", [replace(SONG, title=ODD + 50 * "x")]).splitlines()

    assert max(map(len, lines)) <= 90
    assert "\x1b" not in "".join(lines)


def test_table_shows_each_playing_as_it_comes():
    rows = FORMATS["table"].tell("mix.mp3", iter([SONG, NEXT]), None)

    assert "Clouds" in next(rows)


def test_json_has_its_fields_in_order_and_null_for_what_is_unknown():
    song, following, unknown = (json.loads(line) for line in told("json", MIX).splitlines())

    assert tuple(song) == tuple(following) == tuple(unknown) == FIELDS
    assert (song["recording"], song["song_id"], song["isrc"]) == ("mix.mp3", 7, "GBAYE0000351")
    assert (unknown["song_id"], unknown["title"], unknown["confidence"], unknown["end_s"]) == (None, None, None, 545.0)


def test_csv_has_the_same_columns_and_a_header_once():
    text = told("csv", [replace(SONG, title=ODD), UNKNOWN])
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))

    assert tuple(rows[0]) == FIELDS
    assert [row["title"] for row in rows] == [ODD, ""]
    assert [row["song_id"] for row in rows] == ["7", ""]
    assert text.count("\r\n") == 3
    assert told("csv", []).count("\r\n") == 1


@pytest.mark.parametrize("name", ["json", "csv"])
def test_machines_read_the_time_on_the_wall_beside_the_place(name):
    began = datetime(2026, 11, 24, 20, 0, tzinfo=timezone(timedelta(hours=1)))
    text = told(name, MIX, began=began)
    read = json.loads(text.splitlines()[1]) if name == "json" else list(csv.DictReader(io.StringIO(text)))[1]

    assert float(read["start_s"]) == 216.0
    assert (read["started_at"], read["ended_at"]) == ("2026-11-24T20:03:36.000+01:00", "2026-11-24T20:07:50.250+01:00")


def test_wall_clock_goes_back_an_hour_when_summer_time_ends():
    """At 01:00 UTC of that night the clocks in Berlin go from 3:00 back to 2:00."""
    began = datetime(2026, 10, 25, 2, 59, tzinfo=ZoneInfo("Europe/Berlin"))
    read = json.loads(told("json", [replace(SONG, start_s=120.0)], began=began))

    assert read["started_at"] == "2026-10-25T02:01:00.000+01:00"


def test_cue_sheet_has_a_track_for_all_that_begins():
    first, second, unknown = read_cue(told("cue", MIX))

    assert first == {
        "number": "01", "title": "Little Fluffy Clouds", "performer": "The Orb", "isrc": "GBAYE0000351",
        "start": "00:00:00",
    }  # fmt: skip
    assert (second["title"], second["start"], "performer" in second) == ("Falling in Love", "03:36:00", False)
    assert (unknown["title"], unknown["start"]) == ("Unknown", "07:50:19")
    assert told("cue", MIX).startswith('FILE "mix.mp3" MP3\n')


def test_cue_sheet_passes_99_minutes_but_not_99_tracks():
    late = [replace(SONG, start_s=60.0 * i, end_s=60.0 * (i + 1)) for i in range(99, 198)]
    tracks = read_cue(told("cue", late))

    assert (tracks[0]["gap"], tracks[0]["start"], tracks[-1]["start"]) == ("00:00:00", "99:00:00", "197:00:00")
    with pytest.raises(TooManyTracks, match=r"mix\.mp3: a CUE sheet holds 99 tracks"):
        told("cue", [*late, replace(SONG, start_s=12_000.0, end_s=12_060.0)])


def test_cue_sheet_tells_the_time_on_the_wall_in_remarks():
    text = told("cue", MIX, began=datetime(2026, 11, 24, 20, 0, tzinfo=UTC))

    assert len(read_cue(text)) == 3
    assert text.splitlines()[0] == "REM BEGAN 2026-11-24T20:00:00+00:00"
    assert "    REM STARTED 2026-11-24T20:03:36+00:00" in text.splitlines()


def test_cue_sheet_takes_isrcs_with_hyphens_and_leaves_out_what_is_none():
    hyphens, wrong = (replace(SONG, isrc=isrc) for isrc in ("gb-aye-00-00351", "unknown"))

    assert read_cue(told("cue", [hyphens]))[0]["isrc"] == "GBAYE0000351"
    assert "isrc" not in read_cue(told("cue", [wrong]))[0]


def test_cue_sheet_survives_playings_of_the_same_frame():
    playings = [replace(SONG, start_s=0.001 * i, end_s=10.0 - i) for i in range(3)]

    assert len(read_cue(told("cue", playings))) >= 3


def test_labels_are_start_end_and_name_between_tabs():
    lines = [re.fullmatch(r"(\d+\.\d{6})\t(\d+\.\d{6})\t([^\t]+)", line) for line in told("labels", MIX).splitlines()]

    assert [(float(line[1]), float(line[2]), line[3]) for line in lines] == [
        (0.0, 221.5, "The Orb - Little Fluffy Clouds"),
        (216.0, 470.25, "Falling in Love"),
        (470.25, 545.0, "Unknown"),
    ]


def test_playlist_plays_each_song_out_of_the_recording():
    lines = told("m3u", [NEXT]).splitlines()

    assert lines == [
        "#EXTM3U",
        "#EXTINF:254,Falling in Love",
        "#EXTVLCOPT:start-time=216.000",
        "#EXTVLCOPT:stop-time=470.250",
        "mix.mp3",
    ]


@pytest.mark.parametrize(
    ("recording", "entry"),
    [
        ("a mix.mp3", "a mix.mp3"),
        ("http://radio.example/stream", "http://radio.example/stream"),
        ("/mixes/#1.mp3", "/mixes/#1.mp3"),
        ("/mixes/a\nb.mp3", "file:///mixes/a%0Ab.mp3"),
        ("/mixes/caf\\xe9.mp3", "file:///mixes/caf%E9.mp3"),
    ],
)
def test_playlist_holds_any_path(recording, entry):
    assert told("m3u", [SONG], recording).splitlines()[-1] == entry


def test_path_that_would_be_a_comment_is_none():
    assert told("m3u", [SONG], "#1.mp3").splitlines()[-1].startswith("file:///")


def test_captions_are_read_by_ffmpeg_and_overlap(tmp_path):
    with read_by_ffmpeg(told("vtt", MIX), tmp_path, "webvtt") as container:
        cues = [(packet.pts, packet.duration, bytes(packet).decode()) for packet in container.demux() if packet.size]

    assert cues == [
        (0, 221_500, "The Orb - Little Fluffy Clouds"),
        (216_000, 254_250, "Falling in Love"),
        (470_250, 74_750, "Unknown"),
    ]


def test_captions_escape_what_would_be_markup():
    cue = told("vtt", [replace(SONG, title=ODD, start_s=90.0, end_s=90.0)]).split("\n\n")[1].splitlines()

    assert cue[0] == "00:01:30.000 --> 00:01:30.001"
    assert cue[1:] == ["The Orb - " + ODD_IN_ONE_LINE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")]


def test_chapters_are_read_by_ffmpeg_and_do_not_overlap(tmp_path):
    with read_by_ffmpeg(told("chapters", MIX), tmp_path, "ffmetadata") as container:
        chapters = [(one["start"], one["end"], one["metadata"]["title"]) for one in container.chapters()]

    assert chapters == [
        (0, 216_000, "The Orb - Little Fluffy Clouds"),
        (216_000, 470_250, "Falling in Love"),
        (470_250, 545_000, "Unknown"),
    ]


def test_chapters_keep_odd_titles(tmp_path):
    with read_by_ffmpeg(told("chapters", [replace(SONG, title=ODD, artist=None)]), tmp_path, "ffmetadata") as container:
        (chapter,) = container.chapters()

    assert chapter["metadata"]["title"] == ODD_IN_ONE_LINE


def test_tracklist_is_a_time_and_a_name_a_line():
    assert told("tracklist", [*MIX, replace(SONG, start_s=3725.9, end_s=3800.0)]).splitlines() == [
        "0:00 The Orb - Little Fluffy Clouds",
        "3:36 Falling in Love",
        "7:50 Unknown",
        "1:02:05 The Orb - Little Fluffy Clouds",
    ]


def test_tracklist_tells_the_time_on_the_wall():
    lines = told("tracklist", MIX, began=datetime(2026, 11, 24, 20, 0, tzinfo=UTC)).splitlines()

    assert lines[1] == "20:03:36 Falling in Love"


@pytest.mark.parametrize("name", FORMATS)
def test_recording_of_nothing_is_a_report_all_the_same(name, tmp_path):
    text = told(name, [])

    assert text == FORMATS[name].head(None)
    if name in ("chapters", "vtt"):
        container = {"chapters": "ffmetadata", "vtt": "webvtt"}[name]
        with read_by_ffmpeg(text, tmp_path, container) as read:
            assert not read.chapters()


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"csv", "json"}))
def test_odd_titles_stay_in_their_lines(name):
    """Line breaks and control characters of tags must not become the report's own."""
    ordinary, odd = (told(name, [replace(SONG, title=title)]) for title in ("Ordinary", ODD))

    assert len(odd.splitlines()) == len(ordinary.splitlines())
    assert "\x1b" not in odd


@pytest.mark.parametrize("name", FORMATS)
def test_page_shows_what_is_written(name):
    language = "text" if name == "table" else name
    [block] = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)

    assert block.rstrip("\n") == told(name, MIX).replace("\r\n", "\n").rstrip("\n")
