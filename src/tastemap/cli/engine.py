"""Options of commands that a cluster can work for, and what runs them there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tastemap.cli.options import UsageError, load_model
from tastemap.cli.output import next_step, print_cells, print_json, say
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.engines.spark import Cluster
    from tastemap.inference import Rules
    from tastemap.models.recommender import Recommender
    from tastemap.progress import Progress

Name = Annotated[
    Literal["spark"] | None,
    typer.Option("--engine", help="Work on a cluster instead of in this process; with --master."),
]
Master = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Of --engine spark: local[4], spark://HOST:7077, yarn or k8s://URL."),
]
Conf = Annotated[
    list[str] | None,
    typer.Option(
        "--conf", metavar="KEY=VALUE", help="Of --engine spark: a setting of Spark; give it again for more."
    ),
]
COLUMNS = ("user_col", "item_col", "rating_col", "time_col")


@dataclass(frozen=True)
class Engine:
    """Where the work is done: nowhere else where there is no master.

    Parameters
    ----------
    master : str or None
    conf : sequence of str
        Settings of Spark as they were typed.
    """

    master: str | None
    conf: Sequence[str] = ()

    @classmethod
    def of(
        cls, name: str | None, master: str | None, conf: Sequence[str] | None, **others: object
    ) -> Engine | None:
        """What the options ask for; None: no engine.

        Raises
        ------
        UsageError
            If options do not go together; `others` are those that no engine knows, and their values.
        """
        if name is None:
            if master is not None or conf:
                raise UsageError("--master and --conf go with --engine spark; add it, or leave them out.")
            return None
        if master is None:
            raise UsageError(
                "--engine spark needs --master URL, such as --master 'local[4]' or spark://HOST:7077; add it."
            )
        for other, value in others.items():
            if value:
                raise UsageError(f"--{other.replace('_', '-')} does not go with --engine spark; leave one out.")
        return cls(master, conf or ())

    def name_of(self, source: str) -> str:
        """What the data of SOURCE are called, before they are read; never with a password of its address."""
        from tastemap.engines.spark import name_of

        return name_of(source)

    @contextmanager
    def cluster(self, progress: Progress) -> Iterator[Cluster]:
        """A Spark application for the time of the block."""
        from tastemap.engines.spark import open_cluster

        settings = {}
        for pair in self.conf:
            name, equals, value = pair.partition("=")
            if not equals or not name.startswith("spark."):
                raise UsageError(
                    "--conf takes a setting of Spark: --conf spark.executor.memory=8g. Got "
                    + (f"the key {name!r}." if equals else "one without =.")
                )
            settings[name] = value
        progress.note(f"Starting Spark on {self.master} …")
        with open_cluster(str(self.master), settings) as cluster:
            yield cluster

    def fit(
        self,
        source: str,
        model: str,
        columns: Sequence[str | None],
        features: Sequence[Path | None],
        *,
        progress: Progress,
        **shared: Any,
    ) -> Recommender:
        """What :func:`tastemap.engines.spark.fit` makes of SOURCE."""
        from tastemap.engines.spark import fit

        with self.cluster(progress) as cluster:
            shared |= dict(zip(("user_features", "item_features"), features, strict=True))
            given = dict(zip(COLUMNS, columns, strict=True))
            return fit(cluster, source, model, columns=given, progress=progress, **shared)

    def write_lists(
        self, folder: Path, recommender: Recommender, out: str | None, k: int, rules: Rules, *, as_json: bool
    ) -> None:
        """Write the lists of all users, and say so."""
        from tastemap.cli.progress import TerminalProgress
        from tastemap.engines.spark import shown, write_lists

        if out is None:
            raise UsageError("--engine spark writes lists to a folder: --out FOLDER.parquet; add it.")
        with TerminalProgress(quiet=as_json) as progress, self.cluster(progress) as cluster:
            done = write_lists(cluster, folder, recommender, out, k=k, rules=rules, progress=progress)
        if as_json:
            print_json({"k": k, "out": shown(out), **vars(done)})
            return
        if done.n_short:
            say(f"{plural(done.n_short, 'list')} shorter than {k}: no more items may stand in them.")
        say(f"Wrote {plural(done.n_rows, 'row')}, lists for {plural(done.n_users, 'user')}, to {shown(out)}.")

    def evaluate(
        self,
        folder: Path,
        test: str,
        columns: Sequence[str | None],
        query: str | None,
        k: int,
        relevant_min: float | None,
        *,
        as_json: bool,
    ) -> None:
        """Measure a saved model on test rows, and show the figures."""
        from tastemap.cli.progress import TerminalProgress
        from tastemap.engines.spark import evaluate

        recommender = load_model(folder)
        given = dict(zip(COLUMNS, columns, strict=True))
        asked: dict[str, Any] = {"k": k, "relevant_min": relevant_min, "query": query, "columns": given}
        with TerminalProgress(quiet=as_json) as progress, self.cluster(progress) as cluster:
            found = evaluate(cluster, folder, recommender, test, progress=progress, **asked)
        if as_json:
            print_json({"model": recommender.name, **found.as_json()})
            return
        say(f"{recommender.name} on {plural(found.n_rows, 'test row')}:")
        rows = [
            [name, f"{one.value:.4f}", f"{one.low:.4f}–{one.high:.4f}", f"{one.n_users:,}"]
            for name, one in found.figures.items()
        ]
        print_cells(("metric", "value", "95 % interval", "users"), rows, right={"value", "users"})
        next_step("recommend", folder, "--user", recommender.users.to_id(0))
