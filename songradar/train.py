"""Train an encoder: from folders of music to a folder that `songradar.encoders.add` takes. Needs songradar[train]."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from songradar.calibrate import Calibration, calibrate
from songradar.evaluate import audio_in, read_surroundings
from songradar.events import Listener, Note, counter, ignore
from songradar.ml.files import AudioFile, audio_files, path_of
from songradar.ml.package import UNCREDITED, write_facts, write_network
from songradar.ml.spec import SIAMESE, AudioSpec
from songradar.ml.training.card import contrastive_card, siamese_card
from songradar.ml.training.checkpoints import check_settings, read_curves
from songradar.ml.training.contrastive import fit as contrastive
from songradar.ml.training.contrastive.config import ContrastiveConfig
from songradar.ml.training.contrastive.material import (
    Folders,
    Side,
    count_files,
    example_fragments,
    names_of,
    read_sides,
    render,
)
from songradar.ml.training.contrastive.preview import write_previews
from songradar.ml.training.contrastive.recordings import Part
from songradar.ml.training.export import encoder_onnx
from songradar.ml.training.quantization import quantized
from songradar.ml.training.siamese import fit as siamese
from songradar.ml.training.siamese.config import SiameseConfig
from songradar.ml.training.siamese.dataset import render as draw
from songradar.ml.training.siamese.dataset import split
from songradar.ml.training.siamese.network import extract_encoder

N_EXAMPLES = 256
"""Number of example fragments from which the ranges of values in the quantized network are determined."""

SIAMESE_LENGTHS_S, CONTRASTIVE_LENGTHS_S = (10, 15, 30), (1, 2, 3, 5, 10, 20)
"""Lengths of the recordings that the confidence is fitted on."""


@dataclass(frozen=True)
class Publication:
    """What is done with a trained network: `recordings` of each condition and length calibrate its confidence, and
    `licences` are the text of its card on the music it was trained on.
    """

    recordings: int = 20
    licences: str = UNCREDITED


def train_siamese(
    music: Path,
    config: SiameseConfig,
    out: Path,
    noise: Path | None = None,
    publication: Publication | None = None,
    workers: int = 1,
    listen: Listener = ignore,
) -> None:
    """Train the article's network on the songs in `music` and leave its encoder in `out`. Raises TrainingDataError."""
    publication = publication or Publication()
    out.mkdir(parents=True, exist_ok=True)
    files = list(audio_files([music]))
    dataset = draw(files, SIAMESE, out, workers, counter("drawing", len(files), listen))
    for failure in dataset.failures:
        listen(Note(failure))
    parts = split(dataset.songs, config.validation_share, np.random.default_rng(config.seed))
    extent = f"{len(dataset.songs)} songs, {len(dataset.images)} fragments"
    listen(Note(f"{extent}; {len(parts.apart)} songs set apart"))
    encoder = extract_encoder(siamese.fit(dataset, parts, SIAMESE, config, out, lambda text: listen(Note(text))))
    scale_and_centre = siamese.embedding_scale_and_centre(encoder, dataset, parts)
    write_network(out, encoder_onnx(encoder, SIAMESE, *scale_and_centre), SIAMESE)
    rows = read_curves(out / "curves.csv")
    metrics = {**rows[siamese.best_epoch(rows) - 1], "parameters": encoder.count_params()}
    apart = {dataset.songs[number].source for number in parts.apart}
    calibration = calibrate(
        out,
        audio_in([path_of(song.source) for song in dataset.songs], None, listen),
        lambda song: song.source in apart,
        read_surroundings([noise] if noise else [], [], None, listen),
        SIAMESE_LENGTHS_S,
        publication.recordings,
        config.seed,
        listen,
    )
    card = siamese_card(out.resolve().name, dataset, config, metrics, calibration, publication.licences)
    _publish(out, metrics, calibration, card)


def train_contrastive(
    folders: Folders,
    spec: AudioSpec,
    config: ContrastiveConfig,
    out: Path,
    bank: Path,
    start: Path | None = None,
    publication: Publication | None = None,
    workers: int = 1,
    listen: Listener = ignore,
) -> None:
    """Train the contrastive encoder and leave it in `out`, with its learning curves and the lists of what it has not
    heard. It begins with the best weights of the training in `start`. Raises TrainingDataError.
    """
    publication = publication or Publication()
    sides = read_material(folders, spec, config, out, bank, workers, listen)
    train, validation = sides
    if start:
        config = replace(config, start=contrastive.ancestor(start, config.held_out_share))
    check_settings(contrastive.settings(spec, config, train), out)
    unheard = {part: names_of(folders, config.held_out_share, part) for part in (Part.VALIDATION, Part.TEST)}
    for part, names in unheard.items():
        (out / f"{part}.txt").write_text("".join(f"{name}\n" for name in names), "utf-8")
    material = render(*sides, spec, config, bank, workers, counter("rendering", config.n_chunks, listen))
    encoder = contrastive.fit(material, spec, config, out, lambda text: listen(Note(text)), start)
    contrastive.turn_for_codes(encoder, material.clean, spec)
    examples = example_fragments(train, spec, N_EXAMPLES, config.seed)
    write_network(out, quantized(encoder_onnx(encoder, spec), examples), spec)
    rows = read_curves(out / "curves.csv")
    metrics = {**rows[contrastive.best_epoch(rows) - 1], "parameters": encoder.count_params()}
    held_out = set(validation.songs.names)  # less those that are copies of what was trained on
    calibration = calibrate(
        out,
        [song for song in audio_in(folders.music, None, listen) if song.name not in set(unheard[Part.TEST])],
        _named_in(held_out),
        read_surroundings(folders.noise, folders.responses, frozenset(unheard[Part.VALIDATION]), listen),
        CONTRASTIVE_LENGTHS_S,
        publication.recordings,
        config.seed,
        listen,
    )
    name = out.resolve().name
    card = contrastive_card(name, spec, train.songs, config, metrics, calibration, publication.licences)
    _publish(out, metrics, calibration, card)


def preview_contrastive(
    folders: Folders,
    spec: AudioSpec,
    config: ContrastiveConfig,
    out: Path,
    bank: Path,
    n: int,
    workers: int = 1,
    listen: Listener = ignore,
) -> None:
    """Write `n` examples of the chain that songs are heard through to `out`, and train nothing."""
    train, _ = read_material(folders, spec, config, out, bank, workers, listen)
    write_previews(train, spec, config.recipe, n, config.seed, out)


def read_material(
    folders: Folders,
    spec: AudioSpec,
    config: ContrastiveConfig,
    out: Path,
    bank: Path,
    workers: int,
    listen: Listener,
) -> tuple[Side, Side]:
    """What to train and what to validate with; what cannot be used is told."""
    for folder in (out, bank):
        folder.mkdir(parents=True, exist_ok=True)
    share = config.held_out_share
    advance = counter("decoding", count_files(folders, share), listen)
    sides = read_sides(folders, spec, share, bank, workers, advance)
    for failure in (failure for side in sides for failure in side.songs.failures):
        listen(Note(failure))
    listen(Note(f"{len(sides[0].songs)} songs to train on, {len(sides[1].songs)} to validate with"))
    return sides


def _named_in(names: set[str]) -> Callable[[AudioFile], bool]:
    return lambda song: song.name in names


def _publish(out: Path, metrics: dict[str, Any], calibration: Calibration, card: str) -> None:
    facts = asdict(calibration)
    weights = facts.pop("weights")
    write_facts(out, metrics | {"calibration": facts}, weights or None, card)
