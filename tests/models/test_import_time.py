"""Loading a model must not import torch's compiler, which takes seconds in every process."""

import subprocess
import sys

CODE = """
import sys
from fedot.models import build_model, load_model, model_config, state_of, state_shapes
shape = {"d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 8, "max_length": 8}
for name, classes in (("encoder", 2), ("decoder", 0), ("seq2seq", 0)):
    config = model_config({"name": name, **shape}, 20, classes)
    state_shapes(config)
    load_model(config, state_of(build_model(config, 0)))
    print(name, "torch._dynamo" in sys.modules)
"""


def test_no_compiler_is_imported():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["encoder False", "decoder False", "seq2seq False"]
