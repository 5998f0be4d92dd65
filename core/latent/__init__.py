"""What one does with codes: encode, project, sample, and what is told of a run beyond its files."""
