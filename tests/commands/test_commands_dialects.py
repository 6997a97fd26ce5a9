"""A mixed site of forty assets in several languages ends with the same readings as the same site in ours."""

import time
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from commands.app.program import app
from commands.ingest_command import directory
from commands.installation import installation
from facility.errors import CannotConvert
from facility.folder import DataFolder
from ingest.codecs.contract import Encoder
from ingest.codecs.registry import WRITTEN, profile_files
from ingest.devices.settings import open_devices
from ingest.journal.ledger import ledger
from ingest.mqtt.address import BrokerAddress
from ingest.quarantine.review import Wanted, review
from ingest.service import Ingest

LANGUAGES = ["native", "tasmota", "shelly", "zigbee2mqtt", "thingsboard", "chirpstack", "thethingsstack", "opcua",
             "flat", *(name for name, written in WRITTEN.items() if isinstance(written(), Encoder))]  # fmt: skip


def taken_in(folder: Path, port: int, *dialects: str) -> pl.DataFrame:
    """What is stored of a simulated site that speaks these languages."""
    if dialects:
        names = ", ".join(f'"{name}"' for name in dialects if name != "native")
        folder.mkdir()
        (folder / "devices.toml").write_text(f'codecs = [{names}]\nzone = "Asia/Shanghai"\n')
    said = [word for name in dialects for word in ("--dialect", name)]
    with installation(folder, create=True) as here:
        service = Ingest(
            here.folder,
            here.store,
            BrokerAddress(host="127.0.0.1", port=port),
            directory(here.records),
            devices=open_devices(folder),
        )
        with service:
            arguments = ["simulate", "--assets", "40", "--history", "3h", "--until", "2026-03-01", "--rate", "400"]
            where = ["--broker", f"mqtt://127.0.0.1:{port}", "--data", str(folder), *said, "--json"]
            done = CliRunner().invoke(app, arguments + where)
            assert done.exit_code == 0, done.exception
            assert service.drain(120)
            for _ in range(600):  # what came before its asset was registered is taken in by itself
                if not ledger(here.folder)["quarantined"]:
                    break
                time.sleep(0.1)
        counts = ledger(DataFolder(folder))
        with review(here.folder.journal) as quarantine:
            assert not quarantine.rows(Wanted()), quarantine.rows(Wanted())[0]
        assert counts["quarantined"] == 0
        return here.store.read().select("asset", "channel", "time", "value")


@pytest.mark.slow
def test_a_mixed_site_ends_with_the_same_readings_as_a_native_one(tmp_path: Path, mosquitto: int) -> None:
    native = taken_in(tmp_path / "native", mosquitto)
    mixed = taken_in(tmp_path / "mixed", mosquitto, *LANGUAGES)
    assert native.height > 1_000
    assert native["asset"].n_unique() == mixed["asset"].n_unique()
    rows = (tmp_path / "mixed" / "devices.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == set(LANGUAGES) - {"native"}
    whole_seconds = {row.split(",")[3] for row in rows if row.startswith("tasmota,")}
    time = (
        pl.when(pl.col("asset").is_in(whole_seconds)).then(pl.col("time").dt.truncate("1s")).otherwise(pl.col("time"))
    )
    assert mixed.equals(native.with_columns(time)), "Tasmota tells no fractions of a second"


def test_a_language_that_nobody_can_write_is_refused(tmp_path: Path) -> None:
    for name, message in (("azure-iot", "does not say how its devices write"), ("tasmoto", "there is no codec")):
        arguments = [
            "simulate",
            "--dialect",
            name,
            "--data",
            str(tmp_path / "data"),
            "--assets",
            "1",
            "--history",
            "1h",
        ]
        done = CliRunner().invoke(app, arguments)
        assert isinstance(done.exception, CannotConvert)
        assert message in str(done.exception)
    assert "azure-iot" in profile_files()
