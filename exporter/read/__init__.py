"""Reading: what Datastream returns for every location, and what could not be read."""
