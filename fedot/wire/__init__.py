"""The boundary: what clients send, held against the scenario and against what each said of itself, before any use."""
