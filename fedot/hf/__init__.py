"""Models of the transformers library, one family a file; add yours to `fedot.models.families.HF_MODELS`.

Reading, fusing and writing need safetensors and JSON only; transformers is imported where a module is built.
"""

from fedot.hf.alike import check_alike
from fedot.hf.folder import HFModel, forward_module, load_folder, save_folder
from fedot.hf.fuse_folders import fuse_folders
from fedot.hf.probe_inputs import probe_module
from fedot.models.families import HF_MODELS
from fedot.models.families.adapter import Adapter

__all__ = [
    "HF_MODELS",
    "Adapter",
    "HFModel",
    "check_alike",
    "forward_module",
    "fuse_folders",
    "load_folder",
    "probe_module",
    "save_folder",
]
