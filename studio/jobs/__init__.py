"""Everything a person starts is a job: a folder, a turn in the queue, a worker process, an end."""
