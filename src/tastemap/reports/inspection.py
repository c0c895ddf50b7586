"""The inspection page: what models have learned and what they learned it from, to look at and to search."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tastemap.data import Dataset
from tastemap.data.writing import write_page
from tastemap.errors import InvalidValueError
from tastemap.models.recommender import Recommender, check_recommender
from tastemap.progress import SILENT, Progress
from tastemap.reports.inside import Part, predictions_part, training_part
from tastemap.reports.inside_data import data_part, decay_part
from tastemap.reports.inside_items import bias_part, components_part, map_part, neighbors_part, norms_part
from tastemap.reports.markup import Child, Markup, block, tag
from tastemap.reports.page import page
from tastemap.reports.pictures import PictureFormat, figure, write_pictures
from tastemap.reports.sections import section
from tastemap.reports.wording import listed
from tastemap.rng import Rng


def inspect_models(
    models: Mapping[str, Recommender],
    *,
    data: Dataset | None = None,
    weight_decay: bool = False,
    rng: Rng = 0,
    progress: Progress = SILENT,
) -> list[Part]:
    """Everything that can be shown of some models, part by part.

    *Stability: experimental.*

    Parameters
    ----------
    models : mapping of str to Recommender
        By the name that the page gives each.
    data : Dataset or None
        Data to look at and to predict; None: what the first model was fitted to, and the validation rows that
        each came with.
    weight_decay : bool
        Whether to fit ``dot`` with several weight decays as well, which needs PyTorch and about a minute.
    rng : int, Generator or None
        For these fits.
    progress : Progress

    Raises
    ------
    InvalidValueError
        Without a model, or with `weight_decay` where the data has no ratings.
    MissingExtraError
        If this module is imported without the extra ``explore``, or `weight_decay` is asked for without
        PyTorch.
    """
    if not models:
        raise InvalidValueError("models must hold at least one recommender. Got none.")
    for recommender in models.values():
        check_recommender(recommender, argument="models")
    looked_at = next(iter(models.values())).train if data is None else data
    if weight_decay and looked_at.interactions.is_implicit:
        raise InvalidValueError(
            f"weight_decay needs data with ratings. Got {looked_at.name}, which has none; leave it out."
        )
    parts = [
        data_part(looked_at),
        training_part(models),
        predictions_part(models, data),
        bias_part(models),
        map_part(models, progress),
        components_part(models),
        norms_part(models),
        neighbors_part(models),
    ]
    return [*parts, decay_part(looked_at, rng, progress)] if weight_decay else parts


def inspection_report(models: Mapping[str, Recommender], parts: list[Part]) -> str:
    """The parts as one HTML page that loads nothing.

    *Stability: experimental.* About 3 MB for 2,000 items and a model, of which Vega is 0.9 MB.

    Parameters
    ----------
    models : mapping of str to Recommender
    parts : list of Part
        As :func:`inspect_models` made them of these models.
    """
    names = listed(list(models))
    links = [tag("li", tag("a", part.title, href=f"#{part.name}")) for part in parts]
    about = "; ".join(
        f"{label if label == one.name else f'{label}: {one.name}'}, fitted to {one.train.name}"
        for label, one in models.items()
    )
    header = block(
        "header",
        tag("p", "A look inside", class_="eyebrow"),
        tag("h1", names),
        tag("p", f"{about}.", class_="lede"),
        tag("nav", tag("ul", links), aria_label="Parts of this page"),
    )
    main = tag("main", [part_section(part) for part in parts], id="content")
    return page(f"{names}: a look inside", header, main)


def write_inspection(
    models: Mapping[str, Recommender], parts: list[Part], path: str | os.PathLike[str]
) -> Path:
    """Write :func:`inspection_report` to a file, whole or not at all.

    *Stability: experimental.*

    Raises
    ------
    InvalidValueError
        If `path` is a folder.
    TastemapError
        If it cannot be written.
    """
    return write_page(inspection_report(models, parts), path)


def write_charts(parts: list[Part], folder: str | os.PathLike[str], form: PictureFormat) -> list[Path]:
    """Write every chart of the parts as a PNG or SVG file; see :func:`write_pictures`."""
    pictures = [picture for part in parts for one in part.blocks for picture in one.pictures]
    return write_pictures(pictures, folder, form)


def part_section(part: Part) -> Markup:
    """A part under its heading, with all its pictures, tables and sentences."""
    blocks: list[Child] = []
    for one in part.blocks:
        if one.pictures or one.tables:
            blocks.append(tag("h3", one.title))
        blocks += [tag("p", sentence, class_="note") for sentence in one.sentences]
        blocks += [figure(picture) for picture in one.pictures]
        blocks += one.tables
    return section(part.name, part.title, tag("p", part.lede), blocks).markup
