"""Networks of the studio's own, each with the folder it is kept in, and what a network's slopes say of its input."""
