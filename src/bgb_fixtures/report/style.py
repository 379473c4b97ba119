"""CSS of the pages, for screens, phones and paper.

Invariant: the style refers to no other file, and text has a contrast of at least 4.5 to
1.
"""

from __future__ import annotations

__all__ = ["COLOUR_PAIRS", "STYLE"]

_INK, _MUTED, _PAPER, _CARD = "#1d1d1f", "#55555c", "#f4f4f2", "#ffffff"
_LINK = "#1b4f8f"
_GOOD, _GOOD_PAPER = "#14532d", "#e6f4ea"
_BAD, _BAD_PAPER = "#7a1f1f", "#fdecea"

COLOUR_PAIRS = (
    (_INK, _PAPER),
    (_INK, _CARD),
    (_MUTED, _PAPER),
    (_MUTED, _CARD),
    (_LINK, _PAPER),
    (_LINK, _CARD),
    (_GOOD, _GOOD_PAPER),
    (_BAD, _BAD_PAPER),
)
"""Pairs of (text, background) that occur on the page."""

STYLE = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
html {{ -webkit-text-size-adjust: 100%; }}
body {{ margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2.5rem) 3rem;
  max-width: 100rem; background: {_PAPER}; color: {_INK};
  font: 1rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
h1 {{ font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.25rem; margin: 2rem 0 .6rem; }}
h3 {{ font-size: 1.05rem; margin: 0; }}
p {{ margin: .3rem 0; }}
a {{ color: {_LINK}; }}
a:focus-visible, [tabindex]:focus-visible, summary:focus-visible {{
  outline: 3px solid {_LINK}; outline-offset: 2px; }}
code, pre {{ font: .86em/1.4 ui-monospace, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }}
pre {{ white-space: pre-wrap; margin: .5rem 0; }}
.muted {{ color: {_MUTED}; }}
.notice {{ padding: .6rem .9rem; margin: .6rem 0; border-left: .35rem solid;
  overflow-wrap: anywhere; }}
.good {{ color: {_GOOD}; background: {_GOOD_PAPER}; }}
.bad {{ color: {_BAD}; background: {_BAD_PAPER}; }}
.notice ul {{ margin: .3rem 0 0; padding-left: 1.2rem; }}
.facts {{ display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem;
  margin: 0; max-width: 70rem; }}
.facts dt {{ color: {_MUTED}; }}
.facts dd {{ margin: 0; overflow-wrap: anywhere; min-width: 0; }}
.facts ul {{ margin: 0; padding-left: 1.1rem; }}
.scroll {{ overflow-x: auto; }}
.narrow {{ display: none; }}
td a {{ white-space: nowrap; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0;
  border-bottom: 1px solid #d5d5d2; }}
th {{ font-weight: 600; }}
.number {{ text-align: right; }}
.grid {{ display: grid; gap: 1.2rem; margin-top: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 36rem), 1fr)); }}
.card {{ background: {_CARD}; border: 1px solid #d5d5d2; border-radius: .4rem;
  padding: .9rem; min-width: 0; }}
.card header {{ display: flex; flex-wrap: wrap; gap: 0 .8rem; align-items: baseline;
  margin-bottom: .4rem; }}
.card img {{ display: block; width: 100%; height: auto; }}
.numbers {{ display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: flex-start;
  margin-top: .6rem; }}
.numbers svg {{ flex: 1 1 18rem; min-width: 0; max-width: 30rem; height: auto; }}
.numbers table {{ flex: 1 1 13rem; font-size: .92rem; }}
.card footer {{ text-align: right; font-size: .9rem; }}
:target {{ scroll-margin-top: .5rem; }}
.card:target {{ outline: 3px solid {_LINK}; }}
.plain {{ background: {_CARD}; border-color: {_MUTED}; }}
svg text {{ font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  fill: {_INK}; }}
@media (max-width: 40rem) {{
  .facts {{ grid-template-columns: 1fr; gap: 0; }}
  .facts dd {{ margin-bottom: .5rem; }}
  .card {{ padding: .6rem; }}
  .narrow {{ display: inline; }}
  /* Names of channels stay legible; the page itself never moves sideways. */
  .card img {{ width: 34rem; max-width: none; }}
  table.stack thead {{ position: absolute; clip-path: inset(50%); width: 1px;
    height: 1px; overflow: hidden; }}
  table.stack, table.stack tbody, table.stack tr, table.stack td,
  table.stack th {{ display: block; border: 0; text-align: left; }}
  table.stack tr {{ padding: .4rem 0; border-bottom: 1px solid #d5d5d2; }}
  table.stack td, table.stack th {{ padding: .05rem 0; }}
  table.stack [data-name]::before {{ content: attr(data-name) ": ";
    color: {_MUTED}; font-weight: 400; }}
}}
@page {{ margin: 12mm; }}
@media print {{
  body {{ background: none; padding: 0; max-width: none; font-size: 10pt; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  .grid {{ display: block; margin-top: 4mm; }}
  .card {{ break-inside: avoid; margin: 0 0 4mm; border: 0; padding: 0; }}
  .card:target {{ outline: none; }}
  .card footer {{ display: none; }}
  .scroll {{ overflow: visible; }}
  a {{ color: inherit; text-decoration: none; }}
  h2, h2 + p, h3 {{ break-after: avoid; }}
  details {{ display: none; }}
}}
"""
