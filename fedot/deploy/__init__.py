"""A federation of real processes: keys and certificates, compose files, and a run submitted to a SuperLink."""
