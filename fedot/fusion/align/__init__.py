"""Every model into the basis of one, by optimal transport, and the average of them."""
