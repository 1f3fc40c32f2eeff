"""The sub-tabs of the Multimodal tab, a few files each."""
