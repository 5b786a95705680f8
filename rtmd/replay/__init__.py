"""The pipeline on virtual time: scripted samples in, a timeline out. Same code as live running."""
