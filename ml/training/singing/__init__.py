"""Songs with singing, made out of spoken sentences, MIDI files and sound fonts: `songradar[singing]`.

People who speak are recorded in plenty and may be used freely; people who sing hardly are. So sentences are made to sing
the tunes of MIDI files (voice.py), and a synthesiser plays the rest of the file (score.py, song.py).
"""
