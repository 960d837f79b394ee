"""The server of the page: files, panels, and a stream of what is new.

Who may ask is decided here: the address, the name under which the page was called (so
that no other site's name leads here), a token where others than this machine may come,
and nothing but reading. Touches the network. Must not know: how panels are made.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import json
import secrets
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from automaton.errors import AutomatonError, UsageError
from automaton.observatory.board import Board
from automaton.observatory.observed_log import Scope
from automaton.observatory.page_files import POLICY, page_file, single_file
from automaton.observatory.panel_threads import PanelThreads
from automaton.observatory.views import ASKED

#: Readers of the stream at a time, and seconds that one write to one of them may take.
MOST_STREAMS, WRITE_SECONDS = 32, 20.0
#: Seconds after which the stream says that it is still there.
ALIVE = 1.0
#: Bytes of a question, and its longest part.
LONGEST = 8192
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class AccessRule(NamedTuple):
    """Who may ask: names of this server, and a token ("": none is needed)."""

    names: frozenset[str]
    token: str = ""


def access_of(host: str | None) -> AccessRule:
    """Without a host only this machine may ask; with one, who knows the token."""
    if host is None:
        return AccessRule(frozenset(_LOCAL))
    return AccessRule(
        frozenset({*_LOCAL, host.lower(), f"[{host.lower()}]"}), secrets.token_urlsafe(24)
    )


class Observatory(ThreadingHTTPServer):
    """The server; `address` is where the page is."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str | None, port: int, panels: PanelThreads, board: Board) -> None:
        self.access = access_of(host)
        self.panels, self.board = panels, board
        self.streams = BoundedSemaphore(MOST_STREAMS)
        where = host or "127.0.0.1"
        try:
            super().__init__((where, port), _Reader)
        except OSError as error:
            raise UsageError(f"{where}:{port} cannot be served: {error.strerror}; another --port "
                             "may be free (0 takes any)") from error  # fmt: skip
        name = f"[{where}]" if ":" in where else where
        query = f"?token={self.access.token}" if self.access.token else ""
        self.address = f"http://{name}:{self.server_port}/{query}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that goes away while it is served is nobody's fault."""

    def stop(self) -> None:
        """Serve no more; returns at once, and may be called by what was interrupted."""
        Thread(target=self.shutdown, daemon=True).start()

    def values(self) -> dict[str, str]:
        """The latest panels as JSON."""
        return self.board.latest()


class _Reader(BaseHTTPRequestHandler):
    """One connection."""

    server: Observatory
    protocol_version = "HTTP/1.1"
    timeout = WRITE_SECONDS

    def log_message(self, *_: object) -> None:
        """Nothing: the terminal is for what its owner does."""

    def version_string(self) -> str:
        """No versions of anything."""
        return "observatory"

    def do_GET(self) -> None:
        """Answer, if this reader may ask."""
        url = urlsplit(self.path)
        query = {name: rows[0] for name, rows in parse_qs(url.query, max_num_fields=8).items()}
        if not self._may_ask(query):
            return
        name = url.path.lstrip("/")
        with contextlib.suppress(ConnectionError, TimeoutError):
            if name == "events":
                self._stream()
            elif name.startswith("panel/"):
                self._panel(name.removeprefix("panel/"), query)
            elif name == "export.html":
                self._export()
            else:
                self._file(name or "page.html")

    def __getattr__(self, name: str) -> Any:
        """Whatever else is asked for than reading is refused."""
        if name.startswith("do_"):
            return self._refuse_method
        raise AttributeError(name)

    def _refuse_method(self) -> None:
        self.close_connection = True
        self._say(HTTPStatus.METHOD_NOT_ALLOWED, "this page is only read (GET)", Allow="GET")

    # Who may ask.

    def _may_ask(self, query: dict[str, str]) -> bool:
        access, headers = self.server.access, self.headers
        host = headers.get("Host", "").lower().removesuffix(f":{self.server.server_port}")
        if host not in access.names and not (access.token and _is_address(host)):
            self._say(HTTPStatus.MISDIRECTED_REQUEST, "this server is not known by that name")
            return False
        own = f"http://{headers.get('Host', '')}"
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site", "none")
        moved = headers.get("Sec-Fetch-Mode") == "navigate"
        if origin not in {None, own} or (site not in {"none", "same-origin"} and not moved):
            self._say(HTTPStatus.FORBIDDEN, "pages of other sites may not read this one")
            return False
        return not access.token or self._knows_token(query, access.token)

    def _knows_token(self, query: dict[str, str], token: str) -> bool:
        """Whether the reader knows the token; who brings it in the address gets a cookie of it."""
        name = f"observatory_{self.server.server_port}"
        cookies = SimpleCookie()
        with contextlib.suppress(CookieError):
            cookies.load(self.headers.get("Cookie", ""))
        known = cookies[name].value if name in cookies else ""
        if hmac.compare_digest(known.encode(), token.encode()):
            return True
        if not hmac.compare_digest(query.get("token", "").encode(), token.encode()):
            self._say(HTTPStatus.UNAUTHORIZED, "open the address with the token that was printed")
            return False
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Set-Cookie", f"{name}={token}; HttpOnly; SameSite=Strict; Path=/")
        self._end("text/plain", b"", Location="/")
        return False

    # Answers.

    def _file(self, name: str) -> None:
        found = page_file(name)
        if found is None:
            self._say(HTTPStatus.NOT_FOUND, "there is nothing under this name")
            return
        self.send_response(HTTPStatus.OK)
        self._end(found.type, found.body)

    def _panel(self, name: str, query: dict[str, str]) -> None:
        if name not in ASKED:
            self._say(HTTPStatus.NOT_FOUND, f"there is no panel {name!r} to ask for")
            return
        try:
            text = self.server.panels.ask(name, _scope(query))
        except UsageError as error:
            self._say(HTTPStatus.BAD_REQUEST, str(error))
        except (AutomatonError, TimeoutError) as error:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, str(error) or "it takes too long")
        else:
            self.send_response(HTTPStatus.OK)
            self._end("application/json", text.encode())

    def _export(self) -> None:
        saved = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        body = single_file(saved, self.server.values()).encode()
        self.send_response(HTTPStatus.OK)
        self._end("text/html; charset=utf-8", body,
                  **{"Content-Disposition": 'attachment; filename="observatory.html"'})  # fmt: skip

    def _stream(self) -> None:
        """What is new, as it comes, until the reader goes."""
        if not self.server.streams.acquire(blocking=False):
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "too many readers")
            return
        try:
            self.send_response(HTTPStatus.OK)
            self.close_connection = True
            self._headers("text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            with self.server.board.reading():
                for part in self._news():
                    self.wfile.write(part)
                    self.wfile.flush()
        finally:
            self.server.streams.release()

    def _news(self) -> Iterator[bytes]:
        board, number = self.server.board, 0
        while not board.closed:
            newer = board.newer(number, ALIVE)
            number = max((it.number for it in newer.values()), default=number)
            for name, it in newer.items():
                yield f'event: panel\ndata: {{"name":"{name}","value":{it.text}}}\n\n'.encode()
            if not newer:
                yield b"event: alive\ndata: {}\n\n"

    def _say(self, status: HTTPStatus, text: str, **headers: str) -> None:
        self.send_response(status)
        self._end(
            "application/json", json.dumps({"reason": text, "failed": True}).encode(), **headers
        )

    def _headers(self, kind: str, **headers: str) -> None:
        for name, value in {"Content-Type": kind, **_HEADERS, **headers}.items():
            self.send_header(name, value)

    def _end(self, kind: str, body: bytes, **headers: str) -> None:
        self._headers(kind, **headers)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _is_address(host: str) -> bool:
    """Whether a name of a server is a number: no other site's name can lead to such."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _scope(query: dict[str, str]) -> Scope:
    """What a question asks about."""
    tick = query.get("tick")
    if tick is not None and not (tick.isascii() and tick.isdigit() and len(tick) < 16):
        raise UsageError("tick is a whole number from 0 on")
    identity, term = query.get("id", ""), query.get("term", "")
    if max(len(identity), len(term)) > LONGEST:
        raise UsageError(f"at most {LONGEST} characters can be asked about")
    return Scope(tick=None if tick is None else int(tick), id=identity, term=term)
