"""The command that makes the same evaluation again."""

from __future__ import annotations

import json
import shlex
from importlib import metadata

from tastemap.evaluation.records import EvaluationRecord, ModelResult
from tastemap.training.registry import MODELS, make_config


def command(record: EvaluationRecord) -> str:
    """``tastemap evaluate …`` with what differs from the defaults; files stand by their names alone."""
    protocol = record.protocol
    if protocol.split == "test":
        words = ["tastemap", "evaluate", "MODEL_FOLDER", "--test", shlex.quote(record.data)]
    else:
        named = [row.model for row in record.models if not row.is_baseline] or [
            row.model for row in record.models
        ]
        words = ["tastemap", "evaluate", shlex.quote(record.data), "--models", shlex.quote(",".join(named))]
        words += ["--split", shlex.quote(protocol.split)]
        for row in record.models:
            words += [part for setting in _settings(row) for part in ("--set", shlex.quote(setting))]
    if protocol.k != 10:
        words += ["-k", str(protocol.k)]
    if protocol.relevant_min is not None:
        words += ["--relevant-min", f"{protocol.relevant_min:g}"]
    if protocol.also_given is not None:
        words += ["--also-mask", "FILE"]
    return " ".join([*words, "--seed", str(protocol.seed), "--out", "report.html"])


def version() -> str:
    """The version of this library."""
    return metadata.version("tastemap")


def _settings(row: ModelResult) -> list[str]:
    """``als.n_factors=32`` for each setting that is not the default; nothing for an unregistered model."""
    if row.model not in MODELS:
        return []
    defaults = make_config(row.model).model_dump(mode="json")
    return [
        f"{row.model}.{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in sorted(row.settings.items())
        if key not in defaults or defaults[key] != value
    ]
