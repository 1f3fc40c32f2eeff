"""One example as several: changes that leave what it means. One file for each kind of data, each with its settings.

Everything is drawn from torch's global generator, which the loop seeds with (seed, step): so the place of an example in a
run tells how it is changed, and a run that was stopped and resumed changes it the same way. What is set to 0 draws nothing.
"""
