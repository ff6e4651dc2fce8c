"""Three other ways to train activations with a guarantee, as estimators of scikit-learn.

They stand beside the paper's method and import nothing of it. scikit-learn is needed for all of
them, jax and optax for the training of `SplineNetwork`: `pip install "polysos[neighbours]"`.
"""
