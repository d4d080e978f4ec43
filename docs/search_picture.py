"""Draw docs/search.svg, a real search in a terminal: `python docs/search_picture.py` at the top of the checkout."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from songradar.cli.bundled import write_noisy

COMMANDS = (
    "songradar ingest music",
    "songradar search -n 2 from_the_radio.wav only_noise.wav",
    'songradar db psql -- -c "SELECT query, title, at, accepted FROM matches_v1 WHERE rank = 1"',
)
PLAIN = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px;
  line-height: {line_height}px; font-variant-east-asian: full-width; white-space: pre; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""  # rich's own template fetches a font from the network


def main() -> None:
    import numpy as np

    from songradar.ml.noise import pink_noise
    from tests.synth import write_wav

    here = Path.cwd()
    console = Console(record=True, width=100, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copytree(here / "cli" / "songs_of_the_demo", "music")
        write_noisy(Path("music/karissa_hobbs_lets_go_fishin.ogg"), 10.0, 8.0, 0.0, Path("from_the_radio.wav"))
        noise = pink_noise(22_050 * 12, np.random.default_rng(1))
        write_wav(Path("only_noise.wav"), noise)
        home = tempfile.mkdtemp(prefix="songradar-")
        environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        environment |= {"SONGRADAR_HOME": home, "PAGER": ""}
        for command in COMMANDS:
            console.print(Text(f"$ {command}", style="bold green"))
            arguments = [sys.executable, "-m", "songradar", *shlex.split(command)[1:]]
            done = subprocess.run(
                arguments, env=environment | {"PYTHONPATH": str(here)}, capture_output=True, text=True
            )
            console.print(Text(done.stdout.rstrip() + done.stderr))
        subprocess.run([sys.executable, "-m", "songradar", "db", "stop"], env=environment | {"PYTHONPATH": str(here)})
        shutil.rmtree(home)
        os.chdir(here)
    console.save_svg("docs/search.svg", title="songradar", code_format=PLAIN)


if __name__ == "__main__":
    main()
