"""The program of the child process of one role. Imports as little as it can: start-up is part of the measurement."""
