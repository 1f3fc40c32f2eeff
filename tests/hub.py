"""A hub on 127.0.0.1 that speaks what huggingface_hub needs, with faults to order: slow, cut off, wrong, gated, elsewhere. It also
takes what is pushed: a repository, its large files by LFS, a commit.

    with LocalHub() as hub:
        hub.add("owner/tiny", folder)
        …  HF_ENDPOINT=hub.address

Large files lie with a "CDN" under another name of this machine, as on the real hub: its resolve route only redirects there.
It also answers as a proxy, so that an address on the internet can be played: HF_ENDPOINT=http://93.184.216.34 with
HTTP_PROXY=hub.address.
"""

import base64
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

LFS = (".safetensors", ".gguf", ".bin", ".onnx", ".msgpack", ".parquet")
PIECE_BYTES = 4096


@dataclass
class Repository:
    """Files by name, and how they are served. What is in `wrong` comes with other content than the hub lists."""

    files: dict[str, bytes]
    commit: str
    card: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] | None = None
    pipeline_tag: str | None = None
    is_gated: bool = False
    wrong: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    is_private: bool = False


@dataclass(frozen=True)
class Sent:
    """One answer to a GET of a file: from which byte on, how many went out, and whether it carried a token."""

    repository: str
    file: str
    start: int
    count: int
    has_token: bool


class LocalHub:
    """`tokens` may read gated repositories where they are in `granted`, others only prove who asks."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: set[str] = set()
        self.granted: set[str] = set()
        self.sent: list[Sent] = []
        self.asked: list[str] = []  # every path, in order
        self.bytes_per_second: float | None = None
        self.cut_after: int | None = None  # the next large file breaks off after so many bytes, once
        self.stumbles = 0  # so many of the next large files are answered with 503
        self.knows_ranges = True
        self.is_down = False
        self.accounts: dict[str, str] = {}  # token → who may create and commit under that name
        self.objects: dict[str, bytes] = {}  # pushed large files by their SHA-256
        self.refusals: dict[str, int] = {}  # part of a path → status with which it is answered
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self, with_body=True)

            def do_HEAD(self) -> None:
                outer._answer(self, with_body=False)

            def do_POST(self) -> None:
                outer._take(self)

            def do_PUT(self) -> None:
                outer._take(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.address = f"http://127.0.0.1:{self.port}"
        self.cdn = f"http://localhost:{self.port}/cdn"

    def __enter__(self) -> "LocalHub":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, files: Path | dict[str, bytes], **more: Any) -> Repository:
        """A repository of a folder's files, or of a table of contents."""
        if isinstance(files, Path):
            paths = [path for path in files.rglob("*") if path.is_file()]
            files = {str(path.relative_to(files)): path.read_bytes() for path in paths}
        content = hashlib.sha1(
            json.dumps({one: hashlib.sha1(data).hexdigest() for one, data in files.items()}).encode()
        )
        self.repositories[name] = Repository(files, content.hexdigest(), **more)
        return self.repositories[name]

    def bytes_sent(self, file: str) -> int:
        """How many bytes of a file went out, over all tries."""
        return sum(one.count for one in self.sent if one.file == file)

    # ── what is pushed ───────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        """Routes of https://huggingface.co/docs/hub/api and git-lfs's batch API, as far as a push needs them."""
        path = unquote(urlsplit(handler.path).path).strip("/")
        self.asked.append(path)
        body = self._body(handler)
        refused = next((status for part, status in self.refusals.items() if part in path), None)
        who = self.accounts.get((handler.headers.get("authorization") or "").removeprefix("Bearer "))
        if refused is not None:
            return self._send(handler, refused, b'{"error": "refused"}', {}, True)
        if path.startswith("lfs/"):
            oid = path.removeprefix("lfs/")
            self.objects[oid] = body
            return self._send(handler, 200 if hashlib.sha256(body).hexdigest() == oid else 400, b"", {}, True)
        if who is None:
            return self._send(handler, 401, b"{}", {}, True)
        status, answer = self._taken(path, body, who)
        return self._send(handler, status, json.dumps(answer).encode(), {"Content-Type": "application/json"}, True)

    def _taken(self, path: str, body: bytes, who: str) -> tuple[int, dict[str, Any]]:
        if path == "api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path == "api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or who}/{asked['name']}"
            if name in self.repositories:
                return 409, {"error": "You already created this model repo"}
            self.add(name, {".gitattributes": b""}, is_private=asked.get("visibility") == "private")
            return 200, {"url": f"{self.address}/{name}", "name": name}
        found = re.fullmatch(r"api/models/([^/]+/[^/]+)/(preupload|commit)/main", path)
        batch = re.fullmatch(r"([^/]+/[^/]+)\.git/info/lfs/objects/batch", path)
        name = (found or batch or [None, ""])[1]
        if name not in self.repositories:
            return 404, {}
        if not name.startswith(f"{who}/"):
            return 403, {"error": "You don't have the rights"}
        if batch:
            objects = json.loads(body)["objects"]
            uploads = [{"upload": {"href": f"{self.address}/lfs/{one['oid']}"}} for one in objects]
            told = [{**one, "actions": upload} for one, upload in zip(objects, uploads, strict=True)]
            return 200, {"transfer": "basic", "objects": told}
        if found and found[2] == "preupload":
            paths = [one["path"] for one in json.loads(body)["files"]]
            modes = ["lfs" if path.endswith((*LFS, ".npy")) else "regular" for path in paths]
            told = [
                {"path": path, "uploadMode": mode, "shouldIgnore": False}
                for path, mode in zip(paths, modes, strict=True)
            ]
            return 200, {"files": told}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.repositories[name].files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.repositories[name].files[value["path"]] = self.objects[value["oid"]]
        return 200, {"commitUrl": f"{self.address}/{name}/commit/{'1' * 40}", "commitOid": "1" * 40}

    @staticmethod
    def _body(handler: BaseHTTPRequestHandler) -> bytes:
        """Whole, also where it comes in pieces."""
        if handler.headers.get("transfer-encoding", "").lower() != "chunked":
            return handler.rfile.read(int(handler.headers.get("content-length") or 0))
        body = bytearray()
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            body += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
        return bytes(body)

    # ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, handler: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        path = unquote(urlsplit(handler.path).path).strip("/")  # a proxy is asked for whole addresses
        self.asked.append(path)
        if self.is_down:
            return self._send(handler, 503, b"down", {}, with_body)
        if path.startswith("expired/"):
            return self._send(handler, 403, b"", {}, with_body)
        if path.startswith("cdn/"):
            owner, name, file = re.fullmatch(r"cdn/([^/]+)/([^/]+)/(.+)", path).groups()  # type: ignore[union-attr]
            return self._send_file(handler, f"{owner}/{name}", file, with_body)
        if path == "api/whoami-v2":
            who = self.accounts.get((handler.headers.get("authorization") or "").removeprefix("Bearer "))
            body = json.dumps({"type": "user", "name": who}).encode()
            return self._send(handler, 200 if who else 401, body, {}, with_body)
        listing = re.fullmatch(r"api/(?:models|datasets)/([^/]+/[^/]+?)(?:/revision/([^/]+))?", path)
        resolve = re.fullmatch(r"(?:datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = listing or resolve
        repository = self.repositories.get(found[1]) if found else None
        token = (handler.headers.get("authorization") or "").removeprefix("Bearer ")
        if token and token not in (*self.tokens, *self.accounts):
            said = {"X-Error-Message": "Invalid credentials in Authorization header"}
            return self._send(handler, 401, b"{}", said, with_body)
        if found is None or repository is None:
            return self._send(handler, 404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body)
        if found[2] not in (None, "main", repository.commit):
            return self._send(handler, 404, b"{}", {"X-Error-Code": "RevisionNotFound"}, with_body)
        if listing:
            return self._send(handler, 200, json.dumps(self._listing(found[1], repository)).encode(), {}, with_body)
        if repository.is_gated and token not in self.granted:
            said = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this model is restricted"}
            return self._send(handler, 403 if token else 401, b"{}", said, with_body)
        return self._resolve(handler, found[1], repository, found[3], with_body)

    def _listing(self, name: str, repository: Repository) -> dict[str, Any]:
        siblings = []
        for file, content in repository.files.items():
            one: dict[str, Any] = {"rfilename": file, "size": len(content), "blobId": git_sha1(content)}
            if file.endswith(LFS):
                one["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 134}
            siblings.append(one)
        about = {
            "id": name,
            "modelId": name,
            "sha": repository.commit,
            "siblings": siblings,
            "private": repository.is_private,
        }
        about |= {"gated": "auto" if repository.is_gated else False, "cardData": repository.card, "tags": []}
        about |= {"config": repository.config, "pipeline_tag": repository.pipeline_tag}
        return about

    def _resolve(
        self, handler: BaseHTTPRequestHandler, name: str, repository: Repository, file: str, with_body: bool
    ) -> None:
        content = repository.files.get(file)
        if content is None:
            return self._send(handler, 404, b"", {"X-Error-Code": "EntryNotFound"}, with_body)
        said = {"X-Repo-Commit": repository.commit}
        if file in repository.redirects:
            return self._send(handler, 302, b"", {**said, "Location": repository.redirects[file]}, with_body)
        if file.endswith(LFS):
            said |= {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"'}
            return self._send(handler, 302, b"", {**said, "Location": f"{self.cdn}/{name}/{file}"}, with_body)
        return self._send_file(handler, name, file, with_body)

    def _send_file(self, handler: BaseHTTPRequestHandler, name: str, file: str, with_body: bool) -> None:
        if self.stumbles and file.endswith(LFS):
            self.stumbles -= 1
            return self._send(handler, 503, b"busy", {}, with_body)
        repository = self.repositories[name]
        content = repository.wrong.get(file, repository.files[file])
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("range") or "")
        start = int(asked[1]) if asked and self.knows_ranges else 0
        said = {"ETag": f'"{git_sha1(content)}"', "X-Repo-Commit": repository.commit}
        if asked and self.knows_ranges:
            said["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        count = 0
        try:
            self._send(handler, 206 if start else 200, b"", {**said, "Content-Length": str(len(body))}, with_body=False)
            for at in range(0, len(body) if with_body else 0, PIECE_BYTES):
                piece = body[at : at + PIECE_BYTES]
                if self.cut_after is not None and file.endswith(LFS) and count + len(piece) > self.cut_after:
                    self.cut_after = None
                    handler.close_connection = True
                    return None
                handler.wfile.write(piece)
                count += len(piece)
                if self.bytes_per_second and file.endswith(LFS):
                    time.sleep(len(piece) / self.bytes_per_second)
        except OSError:  # whoever asked has gone
            handler.close_connection = True
        finally:
            if with_body:
                self.sent.append(Sent(name, file, start, count, "authorization" in handler.headers))

    @staticmethod
    def _send(
        handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str], with_body: bool
    ) -> None:
        handler.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(key, value)
        handler.end_headers()
        if with_body:
            handler.wfile.write(body)


def ask_here(monkeypatch: pytest.MonkeyPatch, address: str, cache: Path) -> None:
    """Let huggingface_hub ask at `address` in this process and keep its files in `cache`, as the environment would."""
    settings = {"ENDPOINT": address, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": False}
    settings["HUGGINGFACE_CO_URL_TEMPLATE"] = address + "/{repo_id}/resolve/{revision}/{filename}"
    for name, value in settings.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)


def git_sha1(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
