"""What may follow a fusion: classifier, class shares, repair, learned maps, distillation."""
