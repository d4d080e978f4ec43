"""songradar calibrate: fit the confidence of an encoder."""

from pathlib import Path

import click

from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.wording import percent

EVALUATION = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("name", metavar="NAME|DIR")
@click.argument("evaluation", metavar="evaluation.json", type=EVALUATION)
def calibrate(name: str, evaluation: Path) -> None:
    """Fit the confidence of encoder NAME of your catalogue, or of the one in the folder DIR, to an evaluation of it.

    \b
    songradar evaluate --music ~/Music --noise ~/noise --ir ~/responses --encoder contrastive --out runs/mine
    songradar calibrate contrastive runs/mine/evaluation.json

    The evaluation keeps the evidence of each search, so nothing is searched again. Its songs, noises and responses
    should be such as the encoder was not trained on. Searches go by it from the next one on.
    """
    from songradar.calibrate import fit_evaluation  # scipy

    folder = Path(name)
    calibration = fit_evaluation(evaluation, folder.resolve().name if folder.is_dir() else name)
    if folder.is_dir():
        encoders.recalibrate_folder(folder, calibration.weights)
    else:
        with Catalogue.open() as catalogue:
            encoders.recalibrate(catalogue, name, calibration.weights)
    n = calibration.n_present + calibration.n_absent
    click.echo(f"{name}: fitted to {n} searches, {calibration.n_absent} of them for what the catalogue does not hold")
    for n_fragments, threshold in zip(calibration.weights["fragments"], calibration.weights["threshold"], strict=True):
        click.echo(f"    with {n_fragments} fragments, a song is named from a confidence of {percent(threshold)} on")
