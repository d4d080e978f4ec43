"""How encoders come to be. The only package that imports Keras, librosa or matplotlib: `songradar[train]`."""
