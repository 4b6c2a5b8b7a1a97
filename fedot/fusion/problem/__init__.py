"""What every method starts from: models checked, in canonical form, with one set of labels; texts for them."""
