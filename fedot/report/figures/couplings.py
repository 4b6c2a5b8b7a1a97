"""The couplings as heat maps, and what they have in common in figures."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fedot.report.analysis.entries import label_of, shorten
from fedot.report.analysis.neuron_groups import choose_couplings, matched_couplings
from fedot.report.figures.svg import Figure, Panel, px, rect, text

MAX_COUPLINGS = 12
LEVELS = 8


def couplings_figure(results: Mapping[str, Any]) -> Figure | None:
    """Heat maps of a representative choice of couplings."""
    matched = matched_couplings(results.get("couplings", []))
    chosen = choose_couplings(matched, MAX_COUPLINGS)
    if not chosen:
        return None
    many = len({item["client"] for item in chosen}) > 1
    panels = tuple(_coupling_panel(item, many) for item in chosen)
    strategy = chosen[0].get("strategy")
    origin = f"seed {chosen[0]['seed']}" + (f" and {label_of(strategy)}" if strategy else "")
    shown = f"{len(chosen)} of {len(matched)} couplings are shown, of {origin}." if len(matched) > len(chosen) else ""
    caption = (
        "Which neuron of a client (row) goes to which neuron of the anchor (column). The stronger a cell's "
        "colour, the larger its share of the row's mass; one strong cell in each row is a matching, an even "
        "tint carries no information, a strong diagonal means that nothing was moved. Larger groups are "
        f"added up in blocks, to at most 32 by 32. {shown}"
    )
    return Figure("couplings", "Couplings", caption.strip(), panels)


def _coupling_panel(item: Mapping[str, Any], name_client: bool) -> Panel:
    width, top = 180.0, 34.0
    plan = np.nan_to_num(np.asarray(item["plan"], dtype=np.float64))
    plan = plan.reshape(len(plan), -1)
    rows, columns = plan.shape
    share = plan / np.maximum(plan.sum(axis=1, keepdims=True), 1e-12)
    # A plan without information has shares of 1 / columns; it must look pale although it is its own maximum.
    level = np.ceil(LEVELS * np.clip(share / max(float(share.max()), min(1.0, 4 / columns)), 0, 1) - 0.5).astype(int)
    cell = min((width - 2) / columns, (width - 2) / rows)
    body = [text(0, 12, shorten(item["group"], 24), "t", title=item["group"])]
    distance = item.get("distance_from_identity")
    note = f"{item['kind']}" + (f", moved {distance:.2f}" if distance is not None else "")
    body.append(
        text(
            0,
            27,
            shorten(f"{item['client']}, {note}" if name_client else note, 30),
            "s",
            title=f"{item['client']}, {note}",
        )
    )
    for step in range(1, LEVELS + 1):
        where = np.argwhere(level == step)
        if len(where):
            cells = "".join(
                f"M{px(1 + j * cell)} {px(top + i * cell)}h{px(cell)}v{px(cell)}h-{px(cell)}z" for i, j in where
            )
            body.append(f'<path d="{cells}" class="cell" fill-opacity="{step / LEVELS:.3f}"/>')
    body.append(rect(1, top, columns * cell, rows * cell, "frame"))
    who = f"Coupling of {item['client']} with the anchor {item['anchor']}"
    label = f"{who}, group {item['group']}, {rows} by {columns}"
    return Panel(width, top + max(rows * cell, 24) + 2, "".join(body), label)
