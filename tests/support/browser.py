"""A browser for tests: what HTML does to a text between a page and the form it sends back.

It parses a page as the standard says (line endings become LF, a textarea loses its first
newline) and sends a form as browsers do (each line ending as CR LF).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from flask import Flask
from werkzeug.test import TestResponse, encode_multipart

VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})


@dataclass
class Element:
    """A tag as it was opened, and the text directly within it or its children."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Form:
    """A form: where it goes, and what it would send."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A parsed answer."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__(convert_charrefs=True)
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.get_data(as_text=True)
        self.elements: list[Element] = []
        self.forms: list[Form] = []
        self._open: list[Element] = []
        if response.mimetype == "text/html":
            self.feed(re.sub("\r\n?", "\n", self.html))
            self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)
        if tag == "form":
            self.forms.append(Form(element.attributes["action"], element.attributes["method"]))
        is_chosen = element.attributes.get("type") != "radio" or "checked" in element.attributes
        if tag == "input" and "name" in element.attributes and is_chosen:
            self.forms[-1].fields[element.attributes["name"]] = element.attributes.get("value", "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def handle_endtag(self, tag: str) -> None:
        element = self._open.pop()
        assert element.tag == tag, f"</{tag}> closes <{element.tag}>"
        if tag == "textarea":
            element.text = element.text.removeprefix("\n")
            if "name" in element.attributes:
                self.forms[-1].fields[element.attributes["name"]] = element.text

    @property
    def text(self) -> str:
        """All the words of the page."""
        return self.elements[0].text

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def by_id(self, name: str) -> Element:
        return next(e for e in self.elements if e.attributes.get("id") == name)

    def form(self, action: str) -> Form:
        return next(form for form in self.forms if form.action == action)


class Browser:
    """One person at one machine, with cookies."""

    def __init__(self, app: Flask, address: str = "127.0.0.1", host: str = "localhost") -> None:
        self.client = app.test_client()
        self.environ = {"REMOTE_ADDR": address, "HTTP_HOST": host}

    def get(self, path: str) -> Page:
        return Page(self.client.get(path, environ_overrides=self.environ))

    def post(self, path: str, fields: dict[str, str], *, multipart: bool = True) -> Page:
        """Send a form as it is given, without a line ending changed."""
        if multipart:
            boundary, data = encode_multipart(fields)
            kind = f"multipart/form-data; boundary={boundary}"
        else:
            data, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        return Page(
            self.client.post(path, data=data, content_type=kind, environ_overrides=self.environ)
        )

    def post_pairs(self, path: str, pairs: list[tuple[str, str]]) -> Page:
        """Send a form in which a name may stand several times, as check boxes do."""
        kind = "application/x-www-form-urlencoded"
        data = urlencode(pairs).encode()
        return Page(
            self.client.post(path, data=data, content_type=kind, environ_overrides=self.environ)
        )

    def submit(self, form: Form, *, to: str = "", **changes: str) -> Page:
        """Fill in and send a form of a page; `to` is the address of another of its buttons."""
        fields = {**form.fields, **changes}
        sent = {name: re.sub("\r\n?|\n", "\r\n", value) for name, value in fields.items()}
        return self.post(to or form.action, sent)

    def follow(self, page: Page) -> Page:
        """Go where an answer sends."""
        assert page.status == 303, page.html
        return self.get(page.headers["Location"])

    def log_in(self, password: str) -> Page:
        return self.submit(self.get("/login").form("/login"), password=password)
