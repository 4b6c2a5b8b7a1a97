"""What models are measured on: probes, texts drawn from token counts, the ensemble's word on them."""
