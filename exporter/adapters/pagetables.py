"""What is a table for people on a page that has to fit a phone?

One that becomes a list of cards where the screen is narrow: the style is `frontpage.STYLE`.
Explicit roles keep it a table for those who listen to the page.
"""

import html
from collections.abc import Iterable, Sequence


def table(caption: str, head: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table that is one of cards where the screen is narrow.

    rows : of `row`
    """
    cells = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in head)
    return (
        f'<table role="table"><caption>{html.escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{cells}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table>'
    )


def row(head: Sequence[str], first: str, others: Sequence[str]) -> str:
    """Return a row whose first cell is its heading; all are HTML."""
    cells = "".join(
        f'<td role="cell" data-label="{name}"><span>{cell}</span></td>'
        for name, cell in zip(head[1:], others, strict=True)
    )
    return f'<tr role="row"><th scope="row" role="rowheader">{first}</th>{cells}</tr>'
