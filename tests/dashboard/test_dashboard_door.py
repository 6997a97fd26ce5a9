"""The door, tried from outside: a real server, plain HTTP and websockets, and whatever somebody would try on it."""

from __future__ import annotations

import html
import http.client
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.door.keeper import own_path
from dashboard.serve import Way, command, environment
from facility.accounts import Account, Role
from facility.folder import DataFolder
from facility.records import Records
from serviceday.accounts import Accounts, digest_of

PASSWORD = "lantern orbit fig 7"


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass
class Browser:
    """As much of a browser as the door sees: it keeps cookies and sends an origin with what it posts."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None

    def send(self, method: str, path: str, *, body: str = "", **more: str) -> Answer:
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.tls)
            if self.tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        )
        scheme = "https" if self.tls else "http"
        headers = {"Host": f"127.0.0.1:{self.port}", "Accept": "text/html"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"{scheme}://127.0.0.1:{self.port}",
            }
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read().decode(errors="replace"))
        connection.close()
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
                if not self.cookies[key].strip('"'):
                    del self.cookies[key]
        return answer

    def post(self, path: str, fields: Mapping[str, str], **more: str) -> Answer:
        return self.send("POST", path, body=urlencode(fields), **more)

    def sign_in(self, name: str = "eng", password: str = PASSWORD, *, there: str = "/", **more: str) -> Answer:
        page = self.send("GET", f"/sign-in?next={quote(there, safe='')}")
        token = re.search(r'name="form" value="([^"]+)"', page.body)
        assert token, page.body
        place = re.search(r'name="next" value="([^"]*)"', page.body)
        assert place
        fields = {"name": name, "password": password, "form": token[1], "next": html.unescape(place[1])}
        return self.post("/sign-in", fields, **more)


@contextmanager
def serving(
    folder: Path,
    port: int,
    log: Path,
    way: Way = Way(),  # noqa: B008
    tls: ssl.SSLContext | None = None,
) -> Iterator[int]:
    with log.open("w") as stream:
        server = subprocess.Popen(
            command(folder, port=port, language="en", way=way), env=environment(), stdout=stream, stderr=stream
        )
        try:
            for _ in range(600):
                assert server.poll() is None, log.read_text()
                try:
                    if Browser(port, tls=tls).send("GET", "/_stcore/health").status == 200:
                        break
                except OSError:
                    time.sleep(0.1)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=20)


def _closing(open_page: ClientConnection) -> int:
    """With which code the server closes a websocket."""
    while True:
        try:
            open_page.recv(timeout=30)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0


def _accounts(folder: Path) -> None:
    with Records(DataFolder(folder).records) as records:
        accounts, now = Accounts(records), datetime.now(UTC)
        for name, role in (("root", Role.ADMINISTRATOR), ("eng", Role.ENGINEER)):
            accounts.add(Account(name=name, roles=frozenset({role})), PASSWORD, by="test", now=now)


@pytest.fixture
def port(installation: Path, tmp_path: Path, free_port: int) -> Iterator[int]:
    _accounts(installation)
    with serving(installation, free_port, tmp_path / "server.log") as listening:
        yield listening


@pytest.mark.slow
def test_without_a_session_nothing_is_served_but_the_door(port: int, installation: Path) -> None:
    stranger = Browser(port)
    for path in (
        "/?alert=1",
        "/fleet",
        "/asset?asset=L-01",
        "/static/js/index.js",
        "/media/abc.csv",
        "/_stcore/host-config",
        "/_stcore/metrics",
        "/_stcore/upload_file/a/b",
        "/favicon.png",
        "/account",
        "/door/watch.js",
        "/door/page.js",
        "/door/here",
        "/nowhere",
    ):
        answer = stranger.send("GET", path)
        assert answer.status == 303, path
        assert answer.header("location").startswith("/sign-in?next="), path
        assert "L-01" not in answer.body
        assert stranger.send("GET", path, Accept="*/*").status == 401, path
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            assert stranger.send(method, path, Accept="*/*").status == 401, (method, path)
    assert stranger.send("GET", "/_stcore/health").body == "ok"
    page = stranger.send("GET", "/sign-in")
    assert page.status == 200
    assert "default-src 'none'" in page.header("content-security-policy")
    assert page.header("x-frame-options") == "DENY"
    assert "no-store" in page.header("cache-control")

    # Headers that somebody makes up open nothing.
    with Records(DataFolder(installation).records) as records:
        token = Accounts(records).sign_in("eng", PASSWORD, address="x", now=datetime.now(UTC)).token
    for forged in (
        {"X-Serviceday-Session": digest_of(token)},
        {"X_Serviceday_Session": digest_of(token)},
        {"X-Serviceday-Session": digest_of(token), "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"},
        {"Cookie": f"serviceday-session={digest_of(token)}"},
        {"Cookie": "serviceday-session="},
        {"Cookie": "serviceday-session=\xff; ;=;"},
        {"Authorization": "Bearer eng"},
        {"Host": "127.0.0.1"},
    ):
        assert stranger.send("GET", "/", **forged).status == 303, forged

    url = f"ws://127.0.0.1:{port}/_stcore/stream"
    for more in ({}, {"X-Serviceday-Session": digest_of(token)}, {"Cookie": "serviceday-session=x"}):
        with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=more):
            pass
        assert refused.value.response.status_code == 403
    cookie = {"Cookie": f"serviceday-session={token}"}
    with pytest.raises(InvalidStatus), connect(url, additional_headers=cookie, origin="http://evil.example"):
        pass
    with connect(url, additional_headers=cookie, origin=f"http://127.0.0.1:{port}") as open_page:
        with Records(DataFolder(installation).records) as records:
            Accounts(records).end_sessions("eng", by="test", now=datetime.now(UTC))
        assert _closing(open_page) == 4401


@pytest.mark.slow
def test_signing_in_and_out(port: int) -> None:
    browser = Browser(port)
    wrong = browser.sign_in(password="not this one at all")
    absent = Browser(port).sign_in("nobody", password="not this one at all")
    assert wrong.status == absent.status == 401
    told = re.compile(r'role="alert">([^<]+)<')
    assert (
        told.findall(wrong.body)
        == told.findall(absent.body)
        == ["name or password is wrong. Try again, or ask your administrator"]
    )
    assert "not this one" not in wrong.body

    # A session that somebody planted in the browser is not the one it has afterwards.
    browser.cookies["serviceday-session"] = "planted-by-somebody"
    entered = browser.sign_in(there="/asset?asset=L-01&lang=zh")
    assert (entered.status, entered.header("location")) == (303, "/asset?asset=L-01&lang=zh")
    first = browser.cookies["serviceday-session"]
    assert first != "planted-by-somebody"
    assert Browser(port, {"serviceday-session": "planted-by-somebody"}).send("GET", "/").status == 303
    (given,) = [value for name, value in entered.headers if name.lower() == "set-cookie" and "session" in value]
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in given.split(";")}
    assert "secure" not in given.lower(), "the browser would drop it on plain HTTP"

    page = browser.send("GET", "/")
    assert page.status == 200
    assert '<script src="/door/watch.js" defer></script>' in page.body
    assert '<script src="/door/page.js" defer></script></head>' in page.body
    assert browser.send("GET", "/door/here", Accept="*/*").status == 204

    # Signing in again gives another token, and the former is over.
    browser.send("GET", "/account")
    another = Browser(port, dict(browser.cookies))
    again = another.post(
        "/sign-in", {"name": "eng", "password": PASSWORD, "form": another.cookies["serviceday-form"], "next": "/"}
    )
    assert again.status == 303
    second = another.cookies["serviceday-session"]
    assert second != first
    assert Browser(port, {"serviceday-session": first}).send("GET", "/").status == 303

    phone = Browser(port)
    assert phone.sign_in("ENG").status == 303
    out = another.post("/sign-out", {"form": another.cookies["serviceday-form"], "everywhere": "0"})
    assert out.status == 303
    assert "serviceday-session" not in another.cookies
    assert Browser(port, {"serviceday-session": second}).send("GET", "/").status == 303, "a stolen cookie is over too"
    assert phone.send("GET", "/").status == 200
    phone.send("GET", "/account")
    phone.post("/sign-out", {"form": phone.cookies["serviceday-form"]})
    assert phone.send("GET", "/").status == 303


@pytest.mark.slow
def test_a_wrong_former_password_changes_nothing(port: int) -> None:
    browser = Browser(port)
    browser.sign_in()
    browser.send("GET", "/account")
    fields = {"former": "guess", "password": "velvet harbour 93 tin", "again": "velvet harbour 93 tin"}
    assert browser.post("/account/password", fields).status == 403, "without the form's token"
    fields["form"] = browser.cookies["serviceday-form"]
    assert browser.post("/account/password", fields).status == 400
    assert browser.post("/account/password", {**fields, "former": PASSWORD, "again": "other"}).status == 400
    assert browser.send("GET", "/").status == 200, "still signed in, with the password there was"


@pytest.mark.slow
def test_forms_of_others_and_ways_to_others_are_refused(port: int) -> None:
    browser = Browser(port)
    browser.sign_in()
    browser.send("GET", "/account")
    token = browser.cookies["serviceday-form"]
    for fields, more in (
        ({}, {}),
        ({"form": ""}, {}),
        ({"form": "x" * len(token)}, {}),
        ({"form": token}, {"Origin": "http://evil.example"}),
        ({"form": token}, {"Origin": "null"}),
        ({"form": token}, {"Content-Type": "text/plain"}),
    ):
        assert browser.post("/sign-out", fields, **more).status == 403, (fields, more)
        entering = {**fields, "name": "eng", "password": PASSWORD, "next": "/"}
        assert browser.post("/sign-in", entering, **more).status == 403, (fields, more)
    browser.send("GET", "/sign-out")
    for path in ("/", "/account", "/_stcore/upload_file/a/b", "/any/route"):
        for method in ("POST", "PUT", "DELETE"):
            assert browser.send(method, path, Origin="http://evil.example").status == 403, (method, path)
    assert browser.send("GET", "/").status == 200, "still signed in"
    assert Browser(port).send("POST", "/sign-in", body="a" * 20_000).status == 403
    assert Browser(port).send("POST", "/sign-in", body="\xff\xfe=%zz&&&").status == 403

    for there in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x",
    ):
        entered = Browser(port).sign_in(there=there)
        location = entered.header("location")
        assert urlsplit(location).netloc == "", location
        assert location.startswith("/")
        assert not location.startswith("//")
        assert not any(name.lower() == "x" for name, _ in entered.headers)
    redirected = Browser(port).send("GET", "//evil.example/%2e%2e")
    assert redirected.status != 303 or redirected.header("location").startswith("/sign-in?next=")


@pytest.mark.slow
def test_guessing_is_slowed_whatever_the_guesser_says_of_where_he_is(port: int) -> None:
    statuses, told = [], []
    for number in range(7):
        answer = Browser(port).sign_in(password="a guess at the password", X_Forwarded_For=f"10.0.0.{number}")
        statuses.append(answer.status)
        told.append("too many attempts" in answer.body)
    assert statuses == [401] * 7
    assert told == [False] * 5 + [True] * 2
    assert "too many attempts" in Browser(port).sign_in().body, "the right one waits as well"
    assert Browser(port).sign_in("root").status == 303, "another account does not"


@pytest.mark.slow
def test_without_accounts_only_this_machine_is_served_and_an_account_shuts_the_door(
    installation: Path, tmp_path: Path, free_port: int
) -> None:
    with serving(installation, free_port, tmp_path / "log") as port:
        browser = Browser(port)
        assert browser.send("GET", "/").status == 200
        assert browser.send("GET", "/sign-in").header("location") == "/"
        for forged in ({"Host": "evil.example"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}):
            answer = browser.send("GET", "/", **forged)
            assert answer.status == 303, forged
        refused = browser.send("GET", "/sign-in", Host="evil.example")
        assert refused.status == 403
        assert "serviceday user add" in refused.body
        with (
            pytest.raises(InvalidStatus),
            connect(f"ws://127.0.0.1:{port}/_stcore/stream", origin="http://evil.example"),
        ):
            pass
        with connect(f"ws://127.0.0.1:{port}/_stcore/stream") as open_page:
            _accounts(installation)
            assert _closing(open_page) == 4401
        assert browser.send("GET", "/").status == 303


@pytest.mark.slow
def test_behind_a_proxy_its_word_counts_and_cookies_are_for_tls(
    installation: Path, tmp_path: Path, free_port: int
) -> None:
    _accounts(installation)
    with serving(installation, free_port, tmp_path / "log", Way(behind_proxy=True)) as port:
        browser = Browser(port)
        told = {"X_Forwarded_Host": "day.example", "X_Forwarded_Proto": "https", "Origin": "https://day.example"}
        entered = browser.sign_in(**told, X_Forwarded_For="6.6.6.6, 203.0.113.9")
        assert entered.status == 303
        (given,) = [value for name, value in entered.headers if "serviceday-session=" in value]
        assert given.startswith("__Host-serviceday-session=")
        assert "secure" in given.lower()
        with Records(DataFolder(installation).records) as records:
            (session,) = Accounts(records).sessions("eng", now=datetime.now(UTC))
        assert session.address == "203.0.113.9"


@pytest.mark.slow
def test_over_tls_of_its_own_the_cookie_is_for_tls_alone(installation: Path, tmp_path: Path, free_port: int) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "server.pem", tmp_path / "server.key"
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *new, *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    _accounts(installation)
    context = ssl.create_default_context(cafile=str(cert))
    with serving(installation, free_port, tmp_path / "log", Way(cert=cert, key=key), context) as port:
        browser = Browser(port, tls=context)
        entered = browser.sign_in()
        assert entered.status == 303
        (given,) = [value for name, value in entered.headers if "serviceday-session=" in value]
        assert given.startswith("__Host-serviceday-session=")
        assert "secure" in given.lower()
        assert browser.send("GET", "/").status == 200
        planted = Browser(port, {"serviceday-session": browser.cookies["__Host-serviceday-session"]}, tls=context)
        assert planted.send("GET", "/").status == 303, "a cookie that plain HTTP could have set is none"


@pytest.mark.slow
def test_records_that_cannot_be_read_let_nobody_in(installation: Path, tmp_path: Path, free_port: int) -> None:
    _accounts(installation)
    DataFolder(installation).records.write_bytes(b"not a database" * 500)
    with serving(installation, free_port, tmp_path / "log") as port:
        browser = Browser(port)
        assert browser.send("GET", "/").status == 303
        page = browser.send("GET", "/sign-in")
        assert page.status == 503
        assert "Traceback" not in page.body
        assert "records" in page.body


@given(st.one_of(st.text(), st.text(alphabet="/\\.:@?#%eE \t\n\rsignmedia-_"), st.builds("/{}".format, st.text())))
def test_whatever_is_asked_for_only_a_path_of_ours_comes_out(asked: str) -> None:
    path = own_path(asked)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert not urlsplit(path).netloc
    assert path.isprintable()
    assert path.isascii()
    assert path in ("/", asked)


def test_paths_of_ours_stay_as_they_are() -> None:
    for path in ("/", "/fleet?lang=zh", "/asset?asset=L-01&window=7d", "/?alert=3"):
        assert own_path(path) == path
        assert parse_qs(urlsplit(path).query) == parse_qs(urlsplit(own_path(path)).query)
