"""The MovieLens data sets that Tastemap knows by name: what is in them, and on what terms."""

from __future__ import annotations

from dataclasses import dataclass, field

from tastemap.errors import unknown_name

GROUPLENS = "https://files.grouplens.org/datasets/movielens/"

_CITE = "cite Harper and Konstan, The MovieLens Datasets (2015)"
CLOSED = (
    "research use only; no redistribution and no commercial use without permission from GroupLens "
    f"(University of Minnesota); {_CITE}"
)
SHARED = (
    "research use; redistribution under the same conditions; no commercial use without permission from "
    f"GroupLens (University of Minnesota); {_CITE}"
)


@dataclass(frozen=True)
class KnownSet:
    """One data set.

    Parameters
    ----------
    name : str
        What people call it; its zip is ``NAME.zip``.
    n_ratings, n_users, n_items : int
        Ratings, users with a rating, items with a rating.
    n_catalog : int
        Items in its table of titles.
    license : str
    files : tuple of str
        The files that are needed: ratings first, then titles, then users where there are any.
    sha256 : dict of str to str
        Digests of files, where they are known. A set without any is verified by its numbers of rows.
    is_published : bool
        Whether GroupLens serves exactly this edition.
    """

    name: str
    n_ratings: int
    n_users: int
    n_items: int
    n_catalog: int
    license: str
    files: tuple[str, ...]
    sha256: dict[str, str] = field(default_factory=dict)
    is_published: bool = True

    @property
    def url(self) -> str:
        """Where GroupLens serves its zip."""
        return f"{GROUPLENS}{self.name}.zip"


_CSV = ("ratings.csv", "movies.csv")
_DAT = ("ratings.dat", "movies.dat")

KNOWN_SETS: dict[str, KnownSet] = {
    known.name: known
    for known in (
        KnownSet(
            "ml-100k", 100_000, 943, 1_682, 1_682, CLOSED, ("u.data", "u.item", "u.user"),
            {
                "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
                "u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
                "u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
            },
        ),
        KnownSet(
            "ml-latest-small", 100_836, 610, 9_724, 9_742, SHARED, _CSV,
            {
                "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
                "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
            },
        ),
        KnownSet(
            "ml-latest-small-2016", 100_004, 671, 9_066, 9_125, SHARED, _CSV,
            {
                "ratings.csv": "b4239649fbf90ebf405c56c3ae1d929d9e7c86fc1a3a80cbef1c884df593ef73",
                "movies.csv": "43d1736d3c688eb5b7856473c36d86a1c345676cab256c91720c1f6984d263b5",
            },
            is_published=False,
        ),
        KnownSet("ml-1m", 1_000_209, 6_040, 3_706, 3_883, CLOSED, (*_DAT, "users.dat")),
        KnownSet("ml-10m", 10_000_054, 69_878, 10_677, 10_681, CLOSED, _DAT),
        KnownSet("ml-20m", 20_000_263, 138_493, 26_744, 27_278, SHARED, _CSV),
        KnownSet("ml-25m", 25_000_095, 162_541, 59_047, 62_423, SHARED, _CSV),
        KnownSet("ml-32m", 32_000_204, 200_948, 84_432, 87_585, SHARED, _CSV),
    )
}  # fmt: skip


def license_of(name: str) -> str | None:
    """The license of a data set, by its name or that of a part (``ml-100k:u1.train``); None if not known."""
    known = KNOWN_SETS.get(name.partition(":")[0])
    return None if known is None else known.license


def known_set(name: str) -> KnownSet:
    """The data set of that name.

    Raises
    ------
    UnknownNameError
        If there is none; lists near matches, or all names.
    """
    if name not in KNOWN_SETS:
        raise unknown_name("data set", name, KNOWN_SETS)
    return KNOWN_SETS[name]
