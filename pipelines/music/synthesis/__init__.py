"""A small synthesiser of our own: what the instruments sound like, and a piece played on one of them. No model, no torch.

Why no packaged one with a sound font: tinysoundfont (MIT) wants PyAudio, which has no wheel for Linux and is built against
PortAudio; FluidSynth is a library of the system. The one free sound font in a registry (FluidR3Mono, MIT) lies in an npm package
of 48 MB, and this studio fetches wheels alone; TimGM6mb, which comes in wheels, is under the GPL.
"""
