"""The imperative shell: the loop that owns the pipeline, reload, outbox, clock, systemd. Injects every port."""
