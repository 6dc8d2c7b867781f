"""What a team asks of a runtime before it moves its worker pool there."""
