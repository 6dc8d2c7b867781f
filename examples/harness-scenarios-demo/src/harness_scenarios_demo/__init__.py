"""Questions of a team about a runtime before it moves its worker pool there."""
