"""Passwords stay out of names and messages; no cluster is needed for it."""

from __future__ import annotations

import pytest

from tastemap.cli.main import run
from tastemap.engines.spark.names import name_of, shown
from tastemap.engines.spark.read import is_for_spark

SECRET = [
    "jdbc:oracle:thin:scott/geheim@//host:1521/db",
    "jdbc:postgresql://me:p/geheim@host/db",
    "jdbc:postgresql://host/shop?user=me&password=geheim",
    "jdbc:sqlserver://host;user=me;password=my geheim;encrypt=true",
    "s3a://AKIA:ab/geheim+e@bucket/x.parquet",
    "s3a://AKIA:a b@geheim@bucket/ratings.csv",
    "s3a://AKIA:geheim@bucket",
    "https://host/ratings.csv?X-Amz-Signature=geheim&other=1",
]


@pytest.mark.parametrize("source", SECRET)
def test_neither_the_name_nor_a_message_has_the_password(source: str) -> None:
    assert is_for_spark(source)
    for told in (name_of(source), shown(source), shown(f"cannot open {source}")):
        assert "geheim" not in told
        assert "AKIA" not in told


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("jdbc:postgresql://host/shop?user=me&password=geheim", "query"),
        ("table:shop.ratings", "ratings"),
        ("table:ratings", "ratings"),
        ("s3a://key:geheim@bucket/2026/ratings.parquet/", "ratings"),
        ("s3a://key:geheim@bucket", "bucket"),
        ("hdfs:///data/*.parquet", "data"),
        ("postgresql://me:geheim@host/shop?password=geheim", "shop"),
        ("folder/my ratings.csv", "my ratings"),
        ("ml-100k", "ml-100k"),
    ],
)
def test_data_are_called_by_their_last_name(source: str, name: str) -> None:
    assert name_of(source) == name


def test_addresses_of_files_are_read_by_spark_and_databases_by_the_driver() -> None:
    assert is_for_spark("s3a://bucket/ratings")
    assert is_for_spark("hdfs://host:8020/ratings")
    assert not is_for_spark("postgresql://host/shop")
    assert not is_for_spark("sqlite:///shop.db")


@pytest.mark.parametrize("pair", ["fs.s3a.secret.key=geheim", "spark.password:geheim"])
def test_a_setting_that_is_none_is_told_without_its_value(
    pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--engine", "spark", "--master", "local[1]", "--conf", pair]
    assert run(["fit", "ml-100k", "--model", "als", *options]) == 2
    told = capsys.readouterr().err
    assert "takes a setting of Spark" in told
    assert "geheim" not in told
