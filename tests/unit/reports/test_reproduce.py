"""The command repeats what differs from the defaults, and survives a shell."""

from __future__ import annotations

import shlex
from dataclasses import replace

from tastemap.evaluation.records import ModelResult
from tastemap.reports.reproduce import command
from tastemap.training.registry import make_config
from tests.records import movie_record


def _with(model: str, **settings: object) -> ModelResult:
    full = make_config(model, settings).model_dump(mode="json")
    return ModelResult(model, "rating", False, full, {}, 0, 0)


def test_default_settings_are_not_repeated_and_others_are() -> None:
    record = replace(movie_record(), models=(_with("als"), _with("ials", n_factors=7)))
    words = shlex.split(command(record))
    assert words[:5] == ["tastemap", "evaluate", "ml-100k", "--models", "als,ials"]
    assert [words[at + 1] for at, word in enumerate(words) if word == "--set"] == ["ials.n_factors=7"]


def test_names_with_spaces_and_quotes_stay_one_word() -> None:
    record = replace(movie_record(), data="my data; rm 'x'.csv")
    assert shlex.split(command(record))[2] == "my data; rm 'x'.csv"


def test_list_length_relevance_and_masks_are_repeated() -> None:
    record = movie_record()
    odd = replace(record, protocol=replace(record.protocol, k=20, relevant_min=3.5, also_given=4))
    said = command(odd)
    assert "-k 20" in said
    assert "--relevant-min 3.5" in said
    assert "--also-mask FILE" in said


def test_a_fitted_model_is_tested_again_from_its_folder() -> None:
    record = movie_record()
    said = command(replace(record, protocol=replace(record.protocol, split="test")))
    assert said.startswith("tastemap evaluate MODEL_FOLDER --test ml-100k")
