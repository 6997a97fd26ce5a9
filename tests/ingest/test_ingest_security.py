"""TLS, passwords and lists of topics, with real brokers and real certificates."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.errors import CannotCommunicate, CannotDo, CannotParse
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.journal.ledger import ledger
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.embedded import embedded_broker
from ingest.service import Ingest
from ingest.topics import TOPICS, Rules

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
ASSETS = {"EL-1": Asset(id="EL-1", kind="lift", site="s")}


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a server on localhost and 127.0.0.1, a client; and an authority nobody trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for authority in ("ca", "stranger"):
        openssl(*new, "-x509", "-days", "2", "-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-subj",
                f"/CN={authority}", "-addext", "keyUsage=critical,keyCertSign", cwd=folder)  # fmt: skip
    for name in ("server", "client"):
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=folder)
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", "names", "-out", f"{name}.pem", cwd=folder)  # fmt: skip
    return folder


@pytest.fixture
def mosquitto_tls(tmp_path, certificates):
    """A mosquitto that asks for a certificate of the authority's, and no other way in. Gives its port."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "tls.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\ncafile {certificates}/ca.pem\nrequire_certificate true\n"
        f"certfile {certificates}/server.pem\nkeyfile {certificates}/server.key\nlog_dest none\nuser root\n"
    )
    process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").prepare()


@pytest.fixture
def store(folder):
    return open_store(folder.readings, create=True)


def told(client, topic="serviceday/v1/s/EL-1/telemetry", **values):
    body = json.dumps({"ts": int(time.time() * 1000), "v": values or {"trips": 1}})
    client.publish(topic, body, 1).wait_for_publish(20)


def device(address, context=None):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="device")
    if context:
        client.tls_set_context(context)
    if address.user:
        client.username_pw_set(address.user, address.password)
    client.connect(address.host, address.port)
    client.loop_start()
    return client


def test_gateways_show_their_certificate_too(folder, store, mosquitto_tls, certificates):
    files = [certificates / name for name in ("ca.pem", "client.pem", "client.key")]
    address = BrokerAddress.parse(f"mqtts://localhost:{mosquitto_tls}").secured(*files)
    options = [word for pair in zip(("--ca", "--cert", "--key"), map(str, files), strict=True) for word in pair]
    simulate = [sys.executable, "-m", "commands.main", "simulate", "--broker", str(address), "--assets", "2"]
    simulate += ["--history", "2h", "--data", str(folder.path), "--json"]
    with Ingest(folder, store, address, lambda: ASSETS) as ingest:
        bare = subprocess.run(simulate, capture_output=True, text=True, check=False)
        assert bare.returncode == 2
        assert "certificate" in bare.stderr
        said = subprocess.run([*simulate, *options], capture_output=True, text=True, check=True)
        readings = json.loads(said.stdout)["readings"]
        assert readings > 0
        wait_until(lambda: ledger(folder)["journalled"] == readings)
        assert ingest.drain(10)


def test_tls_with_our_own_authority_and_a_client_certificate(folder, store, mosquitto_tls, certificates):
    address = BrokerAddress.parse(f"mqtts://localhost:{mosquitto_tls}").secured(
        certificates / "ca.pem", certificates / "client.pem", certificates / "client.key"
    )
    with Ingest(folder, store, address, lambda: ASSETS) as ingest:
        client = device(address, address.tls_context())
        told(client)
        wait_until(lambda: ledger(folder)["stored"] == 1)
        assert ingest.drain(10)
        client.loop_stop()


@pytest.mark.parametrize(
    ("ca", "cert", "why"),
    [("stranger", "client", "is not trusted"), ("ca", "", ""), ("", "", "is not trusted")],
)
def test_who_is_not_trusted_stays_outside(folder, store, mosquitto_tls, certificates, ca, cert, why):
    address = BrokerAddress.parse(f"mqtts://localhost:{mosquitto_tls}").secured(
        certificates / f"{ca}.pem" if ca else None,
        certificates / f"{cert}.pem" if cert else None,
        certificates / f"{cert}.key" if cert else None,
    )
    with pytest.raises(CannotCommunicate) as refusal:
        Ingest(folder, store, address, lambda: ASSETS).start()
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.fixture
def tls_port(tmp_path, certificates):
    """Starts a listener that greets by TLS with a certificate made out as asked, and gives its port."""
    listeners = []

    def listen(names="DNS:localhost,IP:127.0.0.1", *, expired=False):
        (tmp_path / "names").write_text(f"subjectAltName={names}\n")
        dates = ["-days", "-1" if expired else "2"]
        request = ["x509", "-req", "-in", certificates / "server.csr", "-CA", certificates / "ca.pem"]
        openssl(*request, "-CAkey", certificates / "ca.key", "-CAcreateserial", *dates, "-extfile", "names", "-out",
                "made.pem", cwd=tmp_path)  # fmt: skip
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "made.pem", certificates / "server.key")
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def greet():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.settimeout(5)
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as greeted:
                    greeted.recv(1000)

        threading.Thread(target=greet, daemon=True).start()
        return listener.getsockname()[1]

    yield listen
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    ("names", "expired", "why"),
    [
        ("DNS:other.example,IP:127.0.0.9", False, "is made out to another name"),
        ("DNS:localhost,IP:127.0.0.1", True, "is not valid today"),
    ],
)
def test_a_certificate_is_refused_for_its_own_reason(folder, store, certificates, tls_port, names, expired, why):
    address = BrokerAddress.parse(f"mqtts://localhost:{tls_port(names, expired=expired)}")
    with pytest.raises(CannotCommunicate, match=why):
        Ingest(folder, store, address.secured(certificates / "ca.pem", None, None), lambda: ASSETS).start()
    told = subprocess.run(
        [sys.executable, "-m", "commands.main", "simulate", "--broker", str(address), "--assets", "2", "--history",
         "2h", "--data", str(folder.path), "--ca", str(certificates / "ca.pem")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert why in told.stderr


def test_whoever_speaks_plainly_to_a_port_for_tls_is_told_so(folder, store, tls_port):
    address = BrokerAddress.parse(f"mqtt://localhost:{tls_port()}")
    with pytest.raises(CannotCommunicate, match="speaks TLS") as refusal:
        Ingest(folder, store, address, lambda: ASSETS).start()
    assert "mqtts://" in str(refusal.value)


def test_certificates_that_cannot_be_used_are_told_before_anything_is_connected(certificates, tmp_path):
    plain, tls = BrokerAddress.parse("mqtt://b"), BrokerAddress.parse("mqtts://b")
    (tmp_path / "none.pem").write_text("nothing")
    locked = tmp_path / "locked.key"
    openssl("ec", "-in", "client.key", "-aes256", "-passout", "pass:x", "-out", str(locked), cwd=certificates)
    for address, files in (
        (plain, (certificates / "ca.pem", None, None)),
        (tls, (tmp_path / "missing.pem", None, None)),
        (tls, (tmp_path / "none.pem", None, None)),
        (tls, (None, certificates / "client.pem", certificates / "server.key")),
        (tls, (None, certificates / "client.pem", locked)),
        (tls, (None, None, certificates / "client.key")),
    ):
        with pytest.raises(CannotParse) as refusal:
            address.secured(*files)
        assert "\n" not in str(refusal.value)


def test_user_and_password_come_from_the_environment_or_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t\n")
    plain = BrokerAddress.parse("mqtt://b")
    user = {"SERVICEDAY_BROKER_USER": "gate"}
    by_file = plain.identified(user | {"SERVICEDAY_BROKER_PASSWORD_FILE": str(secret)})
    assert (by_file.user, by_file.password) == ("gate", "s3cr3t")
    assert "s3cr3t" not in str(by_file) + repr(by_file)
    assert plain.identified(user | {"SERVICEDAY_BROKER_PASSWORD": "other"}).password == "other"
    named = BrokerAddress.parse("mqtt://me:mine@b").identified(user | {"SERVICEDAY_BROKER_PASSWORD": "other"})
    assert (named.user, named.password) == ("me", "mine")
    for wrong in (tmp_path / "missing", tmp_path):
        with pytest.raises(CannotParse):
            plain.identified({"SERVICEDAY_BROKER_PASSWORD_FILE": str(wrong)})
    secret.write_text("\n")
    with pytest.raises(CannotParse):
        plain.identified({"SERVICEDAY_BROKER_PASSWORD_FILE": str(secret)})
    secret.write_text("s3cr3t\nsecond line\n")
    for wrong in ({"SERVICEDAY_BROKER_PASSWORD_FILE": str(secret)}, {"SERVICEDAY_BROKER_PASSWORD": "s3cr3t\nx"}):
        with pytest.raises(CannotParse, match="more than one line") as refusal:
            plain.identified(user | wrong)
        assert "s3cr3t" not in str(refusal.value)


# -- the embedded broker ------------------------------------------------------------------------------------------


def refused(address, user="", password=""):
    answer = []
    done = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="stranger")
    client.on_connect = lambda _c, _d, _f, reason, _p: (answer.append(reason.is_failure), done.set())
    if user:
        client.username_pw_set(user, password)
    client.connect(address.host, address.port)
    client.loop_start()
    assert done.wait(20)
    client.loop_stop()
    return answer[0]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "broker.example"])  # noqa: S104
def test_the_embedded_broker_goes_nowhere_else_without_a_password(host):
    for half in ({}, {"user": "gate"}, {"password": "s3cr3t"}):
        with pytest.raises(CannotDo) as refusal, embedded_broker(host, 0, **half):
            pass
        assert "s3cr3t" not in str(refusal.value)


def test_the_embedded_broker_asks_for_its_password(folder, store):
    with embedded_broker("0.0.0.0", 0, user="gate", password="s3cr3t") as address:  # noqa: S104
        assert address.host == "127.0.0.1"
        assert refused(address)
        assert refused(address, "gate", "wrong")
        assert refused(address, "gate\0s3cr3t")
        assert refused(address, "other", "s3cr3t")
        assert not refused(address, "gate", "s3cr3t")
        listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert "s3cr3t" not in "".join(line for line in listing.splitlines() if "grep" not in line)
        with Ingest(folder, store, address, lambda: ASSETS):
            client = device(address)
            told(client)
            wait_until(lambda: ledger(folder)["stored"] == 1)
            client.loop_stop()


def test_the_embedded_broker_speaks_tls_to_devices(folder, store, certificates):
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        port = probe.getsockname()[1]
    files = {"cert": certificates / "server.pem", "key": certificates / "server.key"}
    with (
        embedded_broker("127.0.0.2", port, user="gate", password="s3cr3t", **files) as address,
        Ingest(folder, store, address, lambda: ASSETS),
    ):
        context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        context.check_hostname = False  # the certificate names 127.0.0.1
        outside = BrokerAddress(host="127.0.0.2", port=port, tls=True, user="gate", password="s3cr3t")
        client = device(outside, context)
        told(client)
        wait_until(lambda: ledger(folder)["stored"] == 1)
        client.loop_stop()
        with socket.create_connection(("127.0.0.2", port)) as plain:
            plain.settimeout(10)
            plain.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")
            assert plain.recv(4)[:1] != b"\x20", "nobody is greeted without TLS"


# -- which topics, how large --------------------------------------------------------------------------------------


def test_only_what_is_allowed_is_taken_in(folder, store, mosquitto):
    """Of another list's subscription the broker may still deliver: it is quarantined, not dropped."""
    address = BrokerAddress(host="127.0.0.1", port=mosquitto)
    with Ingest(folder, store, address, lambda: ASSETS):
        pass  # leaves a session that is subscribed to everything
    client = device(address)
    told(client, "serviceday/v1/elsewhere/EL-1/telemetry")
    with Ingest(folder, store, address, lambda: ASSETS, rules=Rules.parse(["s"], "256")):
        wait_until(lambda: ledger(folder)["quarantined"] == 1)
        told(client, "serviceday/v1/elsewhere/EL-1/telemetry")
        told(client, "serviceday/v1/s/EL-1/telemetry")
        told(client, "serviceday/v1/s/EL-1/telemetry", **{f"trips{i}": i for i in range(100)})
        wait_until(lambda: ledger(folder)["messages"]["journalled"] == 3 and ledger(folder)["pending"] == 0)
    client.loop_stop()
    assert (ledger(folder)["stored"], ledger(folder)["quarantined"]) == (1, 2)


@pytest.mark.parametrize("word", ["#", "other/v1/#", "serviceday/v1/", "serviceday/v1/a+/#", "serviceday/v1/#/x", "a+"])
def test_filters_that_are_none_of_ours(word):
    with pytest.raises(CannotParse):
        Rules.parse([word])


@pytest.mark.parametrize("word", ["", "0", "many", "255", "1 TB", "-5", "999999999"])
def test_sizes_that_are_none(word):
    if word:
        with pytest.raises(CannotParse):
            Rules.parse([], word)
    assert Rules.parse([], "64k").payload_limit == 64_000


def test_a_site_is_a_filter():
    rules = Rules.parse(["harbour, serviceday/v1/park/+/telemetry"])
    assert rules.filters == ("serviceday/v1/harbour/#", "serviceday/v1/park/+/telemetry")
    assert rules.allows("serviceday/v1/harbour/EL-1/telemetry")
    assert rules.allows("serviceday/v1/park/EL-1/telemetry")
    assert not rules.allows("serviceday/v1/park/EL-1/status")
    assert not rules.allows("serviceday/v1/harbour2/EL-1/telemetry")


@given(st.lists(st.sampled_from(["a", "b", "+", "", "serviceday", "v1"]), max_size=6).map("/".join))
def test_filters_match_as_paho_matches_them(topic):
    from paho.mqtt.client import topic_matches_sub

    for one in (TOPICS, "serviceday/v1/a/#", "serviceday/v1/+/b"):
        if topic and "+" not in topic:
            assert Rules(filters=(one,)).allows(topic) == topic_matches_sub(one, topic)
