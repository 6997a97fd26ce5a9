"""The lake beyond one machine: on an object store, and read by other engines.

The examples of docs/scaling.md are taken from that file and run here.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from store_tools import at, table

from facility.errors import CannotCommunicate, CannotDo
from facility.store import Appended
from facility.store.checking import check
from facility.store.copying import copy
from facility.store.lake.lake import Lake

DOCS = Path(__file__).parents[2] / "docs" / "scaling.md"
ROWS = [(asset, "x", minute, minute / 7) for asset in "abc" for minute in range(0, 3000, 20)]


@pytest.fixture(scope="module")
def object_store() -> Iterator[dict[str, str]]:
    """An S3 of the tests' own (moto), with one bucket; what `object_store` wants to know of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    options = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        import boto3

        client = boto3.client(
            "s3",
            endpoint_url=options["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket="estate")
        yield options
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_same_lake_on_an_object_store(object_store: dict[str, str], tmp_path: Path) -> None:
    where = "s3://estate/readings"
    with pytest.raises(CannotDo, match="no readings"):
        Lake(where, options=object_store)
    lake = Lake(where, create=True, options=object_store)
    assert lake.append(table(ROWS[:200]), source="s", cursor=1) == Appended(200, 0, 0)
    assert lake.append(table(ROWS[150:300]), source="s", cursor=2) == Appended(100, 50, 0)
    lake.append(table([("a", "x", 0, 9.0)]))
    lake.compact()
    lake.append(table(ROWS[300:]))
    other = Lake(where, options=object_store)
    local = Lake(tmp_path / "local", create=True)
    local.append(table(ROWS))
    local.append(table([("a", "x", 0, 9.0)]))
    for one, same in (
        (other.read(), local.read()),
        (other.latest(), local.latest()),
        (other.rollups(), local.rollups()),
        (other.read(resolution=timedelta(minutes=5)), local.read(resolution=timedelta(minutes=5))),
    ):
        assert_frame_equal(one, same)  # sums in another order
    assert other.cursor("s") == (2, Appended(100, 50, 0), "")
    assert other.delete("b") == 150
    assert lake.size().readings == 300
    assert check(lake).problems == []
    assert copy(local, lake).readings == 450
    assert lake.read().equals(local.read())


@pytest.mark.slow
def test_an_object_store_that_is_not_there_is_told_in_one_line() -> None:
    options = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "very-secret",
        "max_retries": "0",
    }
    with pytest.raises(CannotCommunicate, match="the store at s3://estate/readings refuses") as refused:
        Lake("s3://estate/readings", options=options)
    assert "very-secret" not in str(refused.value)


def example(language: str) -> str:
    """The example of the document for one engine."""
    for code in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S):
        if f"import {language}" in code or f"from {language}" in code:
            return str(code)
    raise AssertionError(f"{DOCS} has no example for {language}")


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as the examples have it."""
    lake = Lake(tmp_path / "serviceday-data" / "readings", create=True)
    for begin in range(0, len(ROWS), 30):
        lake.append(table(ROWS[begin : begin + 30]))
    lake.compact()
    lake.append(table([("d", "x", 5, 1.0)]))
    return tmp_path


@pytest.mark.slow
def test_duckdb_reads_the_lake_as_documented(data: Path) -> None:
    said = run(example("duckdb"), data)
    assert said.count("motor") == 0
    assert re.search(r"\ba\b.*\bx\b", said), said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")
def test_pyspark_reads_the_lake_as_documented(data: Path) -> None:
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    said = run(example("pyspark"), data)
    assert f"{len(ROWS) + 1} readings" in said
    assert at(0).date().isoformat() in said
