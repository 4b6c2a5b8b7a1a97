"""Vocabularies and rules of the tokenizers that lie beside a model of the transformers library."""
