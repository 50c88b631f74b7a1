"""Reading: what Datastream says of every location, and what it did not say."""
