"""Tiny models of the transformers library with random weights, and something to feed them."""

import logging
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers

from fedot.hf import load_folder
from fedot.hf.folder import save_folder

logging.getLogger("transformers").setLevel(logging.ERROR)
transformers.utils.logging.disable_progress_bar()

VOCAB = 40
TEXT = {"vocab_size": VOCAB, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
BERT = TEXT | {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
}
DISTILBERT = TEXT | {
    "dim": 16,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 24,
    "max_position_embeddings": 20,
    "sinusoidal_pos_embds": False,
}
GPT2 = TEXT | {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 20, "n_inner": 24}
T5 = TEXT | {"d_model": 16, "d_kv": 6, "d_ff": 24, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "image_size": 8,
    "patch_size": 4,
    "num_labels": 3,
}
MARIAN = TEXT | {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 20,
    "decoder_start_token_id": 0,
    "forced_eos_token_id": None,
}

VARIANTS = {  # name: (class, settings)
    "bert": ("BertForSequenceClassification", BERT | {"num_labels": 3}),
    "bert-base": ("BertModel", BERT),
    "bert-words": ("BertForMaskedLM", BERT),
    "bert-words-untied": ("BertForMaskedLM", BERT | {"tie_word_embeddings": False}),
    "bert-pretraining": ("BertForPreTraining", BERT),
    "bert-tokens": ("BertForTokenClassification", BERT | {"num_labels": 5}),
    "bert-span": ("BertForQuestionAnswering", BERT),
    "roberta": ("RobertaForSequenceClassification", BERT | {"num_labels": 3}),
    "roberta-words": ("RobertaForMaskedLM", BERT),
    "xlm-roberta": ("XLMRobertaForMaskedLM", BERT),
    "distilbert": ("DistilBertForSequenceClassification", DISTILBERT | {"num_labels": 3}),
    "distilbert-words": ("DistilBertForMaskedLM", DISTILBERT),
    "distilbert-words-untied": ("DistilBertForMaskedLM", DISTILBERT | {"tie_word_embeddings": False}),
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "gpt2-untied": ("GPT2LMHeadModel", GPT2 | {"tie_word_embeddings": False}),
    "gpt2-class": ("GPT2ForSequenceClassification", GPT2 | {"num_labels": 3}),
    "gpt2-tokens": ("GPT2ForTokenClassification", GPT2 | {"num_labels": 3}),
    "vit": ("ViTForImageClassification", VIT),
    "vit-no-bias": ("ViTForImageClassification", VIT | {"qkv_bias": False}),
    "t5": ("T5ForConditionalGeneration", T5),
    "t5-gated-untied": (
        "T5ForConditionalGeneration",
        T5 | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "num_decoder_layers": 1},
    ),
    "marian": ("MarianMTModel", MARIAN),
    "marian-two-vocabularies": (
        "MarianMTModel",
        MARIAN | {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": 30, "decoder_layers": 1},
    ),
}


def build(name, seed=0, **settings):
    """Build a module whose every tensor, gains and biases too, is random."""
    torch.manual_seed(seed)
    kind, values = VARIANTS[name]
    own_class = getattr(transformers, kind)
    model = own_class(own_class.config_class(**values | settings)).eval()
    with torch.no_grad():
        for key, tensor in (*model.named_parameters(), *model.named_buffers()):
            if tensor.is_floating_point() and "embed_positions" not in key:
                tensor += (0.3 if tensor.ndim == 1 else 0.15) * torch.randn(tensor.shape)
    return model


def folder_of(name, path, seed=0, **settings):
    """Save such a module as its own library does."""
    build(name, seed, **settings).save_pretrained(path)
    return path


def run(model, high=30):
    """Logits (for BertModel what it returns instead) on random inputs, in the module's own type."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(3, high, (3, 9), generator=generator)
    with torch.no_grad():
        if model.config.model_type == "vit":
            pixels = torch.randn(3, 3, 8, 8, generator=generator)
            return model(pixels.to(next(model.parameters()).dtype)).logits
        if model.config.is_encoder_decoder:
            return model(input_ids=ids, decoder_input_ids=ids.flip(1)[:, :6]).logits
        mask = torch.ones_like(ids)
        mask[0, 6:] = 0
        out = model(input_ids=ids, attention_mask=mask)
    return out.get("logits", out[0])


def reload(path, dtype=torch.float64):
    """Load a folder with its own class through transformers alone, computing in `dtype`."""
    import json

    kind = json.loads((path / "config.json").read_text())["architectures"][0]
    return getattr(transformers, kind).from_pretrained(path).to(dtype).eval()


__all__ = ["VARIANTS", "VOCAB", "build", "folder_of", "load_folder", "reload", "run", "save_folder"]
