"""Songs with singing, made out of spoken sentences, MIDI files and sound fonts: `songradar[singing]`.

People who speak are recorded in plenty and may be used freely; people who sing hardly are. So spoken sentences are made
to sing the tunes of MIDI files (voice.py), while a synthesiser plays the rest of each file (band.py, song.py).
"""
