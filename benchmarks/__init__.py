"""How fast and how large a whole run is, beside the least that the same calls can cost."""
