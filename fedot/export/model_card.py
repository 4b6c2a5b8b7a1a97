"""The README.md of an exported model: what it is, how to use it, and how it was made."""

from fedot.export.card_parts import TAGS, card_head, loading_lines, tag_of
from fedot.export.layouts import Layout
from fedot.saved import SavedModel
from fedot.text.outside import printable
from fedot.version import __version__

CARD = """{head}

# {title}

A {class_name} written by `fedot export` (fedot {version}). {made}

```python
{loading}
```

| | |
|---|---|
| layers, heads | {n_layer}, {n_head} |
| width | {width}; {d_model} of the model itself, so that a class with LayerNorm and fewer biases computes the same |
| feed-forward | {d_ff}, {activation} |
| vocabulary | {vocab_size} tokens |
| longest text | {max_length} tokens |

Its logits are those of fedot's own model, up to rounding. It knows what its training texts say, also what is wrong or
private in them; nobody has looked for either.
{plan}"""


def model_card(model: SavedModel, layout: Layout, width: int, title: str, plan: str = "") -> str:
    """Write the card.

    Parameters
    ----------
    width
        Of the exported model.
    plan
        How it was fused, as JSON; "" of one that was trained.

    Returns
    -------
    str
        Markdown with a head of YAML.
    """
    config = model.config
    return CARD.format(
        title=printable(title, 100),
        version=__version__,
        class_name=layout.class_name,
        made="It was fused of several models." if plan else "Its file holds no plan of a fusion.",
        head=card_head(
            library_name="transformers",
            pipeline_tag=tag_of(model.task.name),
            tags=[*TAGS, "model-fusion"],
        ),
        loading=loading_lines(model.task.name),
        width=width,
        plan=f"\nHow it was fused:\n\n```json\n{printable(plan, 20_000)}\n```\n" if plan else "",
        **{key: getattr(config, key) for key in KEYS},
    )


KEYS = ("n_layer", "n_head", "d_model", "d_ff", "activation", "vocab_size", "max_length")
