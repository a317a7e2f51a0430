"""A memory as HTML that shows all of its text and does nothing.

Raw HTML is text; images are never fetched; a link goes to the web or by mail, or is text. What
could hide an order from the reader (comments, link definitions, invisible characters) is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from memsync.memory.store import HEADER
from memsync.text.document import Heading, Kind, scan
from memsync.text.sanitizing import split_unseen

_LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)


@dataclass(frozen=True)
class OutlineEntry:
    """A heading in the outline: where it is on the page, how deep, and its text."""

    anchor: str
    level: int
    text: str


@dataclass(frozen=True)
class Rendered:
    """A memory as HTML, and its outline."""

    html: Markup
    outline: tuple[OutlineEntry, ...]


@lru_cache(maxsize=2)  # the page is looked at more often than the memory changes
def render_html(text: str) -> Rendered:
    """Return `text` as HTML, with headings one level down to stand below the page's own."""
    text = text.removeprefix("\ufeff")
    front, body = _front_matter(text)
    body = re.sub(rf"\A{re.escape(HEADER)}\r?\n", "", body)
    tokens = _PARSER.parse(body)
    outline = _prepare(tokens)
    html = Markup(_PARSER.renderer.render(tokens, _PARSER.options, {}))  # noqa: S704 - escaped there
    if front:
        html = Markup('<pre class="front-matter"><code>{}</code></pre>\n').format(front) + html
    return Rendered(html, tuple(outline))


def reveal(text: str) -> Markup:
    """Return `text` escaped, with characters that show nothing shown by their number."""
    pieces = []
    for seen, unseen in split_unseen(text):
        pieces.append(escape(seen))
        if unseen:
            label = f"U+{ord(unseen):04X}" if len(unseen) == 1 else f"{len(unseen)} invisible"
            pieces.append(_UNSEEN_MARK.format(label))
    return Markup("").join(pieces)


_UNSEEN_MARK = Markup('<span class="unseen" title="invisible characters">{}</span>')


def _front_matter(text: str) -> tuple[str, str]:
    outline = scan(text)
    count = sum(1 for kind in outline.kinds if kind is Kind.FRONT_MATTER)
    return "".join(outline.lines[:count]), "".join(outline.lines[count:])


def _prepare(tokens: Sequence[Token]) -> list[OutlineEntry]:
    """Make the tokens fit the page, and return the outline of their headings."""
    outline: list[OutlineEntry] = []
    seen: Counter[str] = Counter()
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            content = tokens[number + 1]
            text = " ".join(_words(content.children or []).split())
            entry = OutlineEntry(_anchor(text, seen), int(token.tag[1]), text)
            _place_heading(token, tokens[number + 2], entry)
            if token.level == 0:
                outline.append(entry)
        elif "style" in token.attrs:  # of table cells; the page's policy allows no inline style
            aligned = str(token.attrs.pop("style")).rpartition(":")[2]
            token.attrs["class"] = f"align-{aligned}"
        for child in token.children or []:
            if child.type == "link_open":
                child.attrs["rel"] = "noopener noreferrer"
    return outline


def _place_heading(opening: Token, closing: Token, entry: OutlineEntry) -> None:
    opening.tag = closing.tag = f"h{min(entry.level + 1, 6)}"
    opening.attrs["id"] = entry.anchor
    opening.attrs["class"] = f"level-{entry.level}"
    if Heading(0, 0, entry.level, entry.text).is_constraint:
        opening.attrJoin("class", "constraint")


def _anchor(text: str, seen: Counter[str]) -> str:
    slug = "s-" + re.sub(r"\W+", "-", text.lower()).strip("-")[:60]
    seen[slug] += 1
    return slug if seen[slug] == 1 else f"{slug}--{seen[slug]}"


def _words(tokens: Sequence[Token]) -> str:
    return "".join(
        " " if token.type.endswith("break") else token.content or _words(token.children or [])
        for token in tokens
    )


class _Renderer(RendererHTML):
    """As the library renders, but for what would fetch, hide or need inline style.

    Each rule returns a plain text: some versions of the library add up what the rules return, and
    `Markup` would escape what is added to it once more.
    """

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        del options, env
        return str(reveal(tokens[idx].content))

    def code_inline(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        del options, env
        return str(Markup("<code>{}</code>").format(reveal(tokens[idx].content)))

    def code_block(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        del options, env
        code = reveal(tokens[idx].content)
        return str(Markup('<pre tabindex="0"><code>{}</code></pre>\n').format(code))

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        info = tokens[idx].info.strip()
        label = Markup('<p class="code-info">{}</p>').format(reveal(info)) if info else ""
        return str(label) + self.code_block(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        del options, env
        token = tokens[idx]
        words = [_words(token.children or []), *map(str, (token.attrs.get("title", ""),))]
        alt = reveal(" ".join(word for word in words if word) or "image")
        source = reveal(str(token.attrs.get("src", "")))
        return str(Markup('<span class="image">{} <code>{}</code></span>').format(alt, source))


def _make_parser() -> MarkdownIt:
    # Nesting beyond the limit is left out; deep, so that nothing a person writes is.
    options = {"html": False, "linkify": False, "xhtmlOut": False, "maxNesting": 80}
    parser = MarkdownIt("commonmark", options, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    # Link definitions show nothing, yet an agent reads them: here they stay text.
    parser.disable(["reference", "html_block", "html_inline"])
    parser.validateLink = lambda url: _LINK.match(url) is not None  # type: ignore[method-assign]
    return parser


_PARSER = _make_parser()
