"""Every model by name: what it predicts, where its settings and its fitting live.

Modules are named by string and imported when used, so that the base needs no PyTorch and the command
line starts quickly. A new model is one line here and one file in ``models/``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from pydantic import ValidationError

from tastemap.errors import InvalidValueError, MissingExtraError, UnknownNameError, did_you_mean, unknown_name
from tastemap.models.base import Objective
from tastemap.models.config import Epochs, Fit, ModelConfig


@dataclass(frozen=True)
class ModelEntry:
    """One registered model.

    Parameters
    ----------
    name : str
    objective : {"rating", "ranking"}
    summary : str
        One line for people.
    config_path : str
        ``module:Class`` of its settings.
    fit_module : str
        Module with ``fit`` and, for an iterative model, ``epochs``.
    extra : str or None
        The optional part of Tastemap that its fitting needs.
    goes_on : bool
        Whether its ``epochs`` can go on from the state of an earlier epoch (:class:`GoOn`), and work on data
        that are larger than the memory.
    """

    name: str
    objective: Objective
    summary: str
    config_path: str
    fit_module: str
    extra: str | None = None
    goes_on: bool = False

    @property
    def config_class(self) -> type[ModelConfig]:
        """The class of its settings."""
        module, name = self.config_path.split(":")
        return cast(type[ModelConfig], getattr(import_module(module), name))

    @property
    def fit(self) -> Fit[Any]:
        """The function that fits it.

        Raises
        ------
        MissingExtraError
            If an optional package is not installed.
        """
        return cast(Fit[Any], self._fit_module().fit)

    @property
    def epochs(self) -> Epochs[Any] | None:
        """The function that fits it epoch by epoch; None for a closed form."""
        return cast(Epochs[Any] | None, getattr(self._fit_module(), "epochs", None))

    def _fit_module(self) -> Any:
        try:
            return import_module(self.fit_module)
        except ModuleNotFoundError as error:
            if self.extra is None or (error.name or "").startswith("tastemap"):
                raise
            raise MissingExtraError(
                f"Fitting {self.name} needs {error.name}, which is not installed. "
                f"Install it with: pip install 'tastemap[{self.extra}]'"
            ) from error


BASELINE_OF: dict[Objective, str] = {"rating": "bias", "ranking": "popularity"}
"""The closed form that every figure of an objective stands beside."""


def _entry(name: str, objective: Objective, config: str, summary: str, *, goes_on: bool = False) -> ModelEntry:
    module = f"tastemap.models.{name}"
    return ModelEntry(name, objective, summary, f"{module}:{config}", module, goes_on=goes_on)


MODELS: dict[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        _entry("bias", "rating", "BiasConfig", "shrunk global, user and item means: the rating baseline"),
        _entry(
            "als",
            "rating",
            "ALSConfig",
            "biased matrix factorization, alternating least squares",
            goes_on=True,
        ),
        _entry("gibbs", "rating", "GibbsConfig", "Bayesian matrix factorization, sampled; nothing to tune"),
        ModelEntry(
            "dot",
            "rating",
            "dot product of embeddings with biases and a rating range, by PyTorch",
            "tastemap.models.dot:DotConfig",
            "tastemap.neural.fit_dot",
            extra="torch",
        ),
        ModelEntry(
            "mlp",
            "rating",
            "embeddings of users, items and features through linear layers, by PyTorch",
            "tastemap.models.mlp:MLPConfig",
            "tastemap.neural.fit_mlp",
            extra="torch",
        ),
        _entry("popularity", "ranking", "PopularityConfig", "the most popular items: the ranking baseline"),
        _entry(
            "itemknn",
            "ranking",
            "ItemKNNConfig",
            "item-to-item weights by cosine: the nearest neighbors of items",
        ),
        _entry("ease", "ranking", "EASEConfig", "item-to-item weights in closed form"),
        ModelEntry(
            "softmax",
            "ranking",
            "a network from a history to a probability of every item, by PyTorch",
            "tastemap.models.softmax:SoftmaxConfig",
            "tastemap.neural.fit_softmax",
            extra="torch",
        ),
        _entry(
            "ials",
            "ranking",
            "IALSConfig",
            "implicit matrix factorization, alternating least squares",
            goes_on=True,
        ),
    )
}


CHOICE = "auto"
"""What stands for a model where one is to be chosen."""


def get(name: str) -> ModelEntry:
    """The entry of a model.

    Raises
    ------
    UnknownNameError
        If there is no such model; near matches are listed. ``auto`` is none: it chooses one.
    """
    if name not in MODELS:
        raise _unknown_model(name)
    return MODELS[name]


def _unknown_model(name: str) -> UnknownNameError:
    """As :func:`unknown_name`; says too where a model is chosen, unless a near name is likelier meant."""
    error = unknown_name("model", name, MODELS)
    choice = f"`tastemap fit --model {CHOICE}`, or tastemap.{CHOICE}, chooses one"
    said = error.message
    if name == CHOICE:
        said = f"Unknown model {name!r}: {choice}; name a model here: {', '.join(sorted(MODELS))}."
    elif not did_you_mean(name, MODELS):
        said = f"{said} {choice}."
    return UnknownNameError(said, **error.details)


def check_objective(name: str, objective: str | None) -> None:
    """Raise if `objective` is given and is not what the model is for."""
    entry = get(name)
    if objective is None or objective == entry.objective:
        return
    if objective not in ("rating", "ranking"):
        raise InvalidValueError(f"objective must be rating or ranking. Got {objective!r}.")
    suited = ", ".join(other.name for other in MODELS.values() if other.objective == objective)
    raise InvalidValueError(
        f"{name} is a {entry.objective} model. For the objective {objective} use: {suited}."
    )


def make_config(name: str, settings: Mapping[str, object] | None = None) -> ModelConfig:
    """The settings of a model: its defaults, changed by `settings`, checked.

    Raises
    ------
    UnknownNameError
        If the model or a setting is unknown.
    InvalidValueError
        If a value is outside its range; the message says which and what is allowed.
    """
    config_class = get(name).config_class
    given = dict(settings or {})
    for key in given:
        if key not in config_class.model_fields:
            raise unknown_name(f"setting of {name}", key, config_class.model_fields)
    try:
        return config_class(**given)
    except ValidationError as error:
        first = error.errors()[0]
        said = str(first["msg"]).replace("Input should be", "must be").replace("Value error, ", "")
        said = re.sub(r"^\w+ should have at least (\d+) items? after.*", r"must hold at least \1", said)
        said = said.replace("a valid tuple", """a list, such as [100, 50] or ["year", "genres"]""")
        if not first["loc"]:  # two settings contradict each other; the sentence is whole
            raise InvalidValueError(f"{name}: {said}") from error
        key = str(first["loc"][0])
        raise InvalidValueError(f"{name}: {key} {said}. Got {given.get(key)!r}.", setting=key) from error
