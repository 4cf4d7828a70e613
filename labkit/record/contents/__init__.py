"""What is in a record: the run's files, facts and surroundings, the metadata, the report."""
