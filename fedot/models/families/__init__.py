"""All families of models of the transformers library that can be fused, by the `model_type` of config.json."""

from fedot.errors import FedotError
from fedot.models.families.adapter import Adapter, Config
from fedot.models.families.bert import BERT, ROBERTA, XLM_ROBERTA
from fedot.models.families.distilbert import DISTILBERT
from fedot.models.families.gpt2 import GPT2
from fedot.models.families.marian import MARIAN
from fedot.models.families.t5 import T5
from fedot.models.families.vit import VIT
from fedot.text.did_you_mean import did_you_mean
from fedot.text.outside import printable

HF_MODELS: dict[str, Adapter] = {
    "bert": BERT,
    "distilbert": DISTILBERT,
    "gpt2": GPT2,
    "marian": MARIAN,
    "roberta": ROBERTA,
    "t5": T5,
    "vit": VIT,
    "xlm-roberta": XLM_ROBERTA,
}


def adapter_of(config: Config) -> Adapter:
    """Look up the adapter of a config.json.

    Raises
    ------
    FedotError
        If there is none for its `model_type`.
    """
    name = config.get("model_type")
    if not isinstance(name, str) or name not in HF_MODELS:
        hint = did_you_mean(str(name), HF_MODELS, f"fedot knows {', '.join(HF_MODELS)}")
        raise FedotError(
            f"config.json has model_type {printable(repr(name), 60)}, for which there is no adapter; {hint}"
        )
    return HF_MODELS[name]
