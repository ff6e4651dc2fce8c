"""Settings that every test shares."""

from hypothesis import settings

# No deadline, which a slow machine would miss; the same examples on every run.
settings.register_profile("polysos", deadline=None, derandomize=True)
settings.load_profile("polysos")
