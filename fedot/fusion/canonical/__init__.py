"""One form for all models: canonical tensors, one depth, one set of labels."""
