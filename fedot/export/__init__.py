"""One of fedot's saved models as a folder that `from_pretrained` of the transformers library loads.

`layouts` knows which class holds which model, `wide_stream` writes a model with RMSNorm as one with LayerNorm, and
`gpt2_layout` and `pegasus_layout` name its tensors as these classes do. Nothing here needs transformers.
"""

from fedot.export.layouts import layout_of
from fedot.export.to_folder import export_folder

__all__ = ["export_folder", "layout_of"]
