"""The two kinds of student, nano and adapter: one frozen value of functions for each, chosen by `track_of`."""
