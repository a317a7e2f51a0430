"""Long answers made short on their way, where that can tell nobody a secret.

What is compressed gives away by its length whether it repeats itself. So an answer that shows what
a stranger may have sent (a note, a search, a form handed back) beside what he may not know stays
as it is; only the pages listed here are compressed, and the token in their forms is masked (csrf).
"""

from __future__ import annotations

import zlib

from flask import Flask, Response, request

LONG_ENOUGH = 1024
"""Shorter ones fit into one packet or two as they are."""

LEVEL = 6
GZIP = 16 + zlib.MAX_WBITS

COMPRESSED = frozenset(
    {
        "memory.index",
        "editing.index",
        "history.show_backup",
        "static",
        "manifest",
        "api.describe_api",
    }
)
"""What answers GET by what is on this machine alone."""

TOLD = frozenset({"said"})
"""What the address may say and the answer still does not repeat it: the code of a message."""


def install(app: Flask) -> None:
    """Compress the answers of `app`, where a client takes it; before the session is saved."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if not _may_be() or response.status_code not in {200, 304}:
        return response
    response.vary.add("Accept-Encoding")
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)  # the same file in two forms, and 304 is for both
    if response.status_code == 200 and _is_wanted():
        _shorten(response)
    return response


def _may_be() -> bool:
    if request.method not in {"GET", "HEAD"} or request.endpoint not in COMPRESSED:
        return False
    return TOLD.issuperset(request.args)


def _is_wanted() -> bool:
    return request.accept_encodings.quality("gzip") > 0


def _shorten(response: Response) -> None:
    response.direct_passthrough = False
    data = response.get_data()
    kind = response.mimetype or ""
    if len(data) < LONG_ENOUGH or (kind.startswith("image/") and kind != "image/svg+xml"):
        return
    packer = zlib.compressobj(LEVEL, wbits=GZIP)
    response.set_data(packer.compress(data) + packer.flush())
    response.headers["Content-Encoding"] = "gzip"
