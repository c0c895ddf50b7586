"""``tastemap inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, say
from tastemap.cli.progress import TerminalProgress
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.models.recommender import Recommender

NAME = "inspect"
EXAMPLE = "tastemap inspect my-model --out inside.html"


def command(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Saved models, as `tastemap fit -o DIR` wrote them.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE.html", help="The page; for png and svg the folder of this name.")
    ],
    data: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Data to show and to predict; default: what the models came with."),
    ] = None,
    form: Annotated[
        Literal["html", "png", "svg"], typer.Option("--format", help="One page, or a file for each chart.")
    ] = "html",
    weight_decay: Annotated[
        bool, typer.Option("--weight-decay", help="Fit dot with several weight decays too; needs PyTorch.")
    ] = False,
    seed: options.Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Look inside saved models: maps, biases, neighbors, data."""
    if form == "html" and out.suffix.lower() not in (".html", ".htm"):
        raise options.UsageError(f"--out writes a page and must end in .html. Got {out.name!r}.")
    folder = out.with_suffix("") if out.suffix.lower() in (".html", ".htm", f".{form}") else out
    if form != "html" and (folder / "manifest.json").exists():
        raise options.UsageError(f"--out must not name a saved model. Got {folder}; choose another folder.")
    with TerminalProgress(quiet=as_json) as progress:
        from tastemap.data.writing import ensure_page
        from tastemap.reports import inspect_models, write_charts, write_inspection

        if form == "html":
            ensure_page(out, name="--out")

        models = _labeled(folders)
        looked_at = options.load_data(data, (None,) * 4, (None, None), progress) if data else None
        parts = inspect_models(models, data=looked_at, weight_decay=weight_decay, rng=seed, progress=progress)
        progress.note("Drawing …")
        if form == "html":
            files = [write_inspection(models, parts, out)]
        else:
            files = write_charts(parts, folder, form)
    if as_json:
        shown = [
            {
                "name": part.name,
                "title": part.title,
                "notes": [note for one in part.blocks for note in one.sentences],
            }
            for part in parts
        ]
        print_json(
            {"models": dict(zip(models, folders, strict=True)), "format": form, "files": files, "parts": shown}
        )
        return
    say(f"Wrote {out}." if form == "html" else f"Wrote {plural(len(files), 'chart')} into {folder}.")
    next_step("similar", folders[0], "ITEM")


def _labeled(folders: list[Path]) -> dict[str, Recommender]:
    """The models by their own names, or by those of their folders where two are called alike."""
    loaded = [options.load_model(folder) for folder in folders]
    names = [one.name for one in loaded]
    labels = names if len(set(names)) == len(names) else [folder.resolve().name for folder in folders]
    if len(set(labels)) < len(labels):
        labels = [str(folder) for folder in folders]
    if len(set(labels)) < len(labels):
        raise options.UsageError("The same folder is named twice; name each once.")
    return dict(zip(labels, loaded, strict=True))
