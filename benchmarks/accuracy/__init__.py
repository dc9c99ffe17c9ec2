"""How well do the detectors find what people have labelled, and how quiet are they otherwise?"""
