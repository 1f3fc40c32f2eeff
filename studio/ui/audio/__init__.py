"""The parts of the Audio tab."""
