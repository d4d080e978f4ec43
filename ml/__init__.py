"""Audio in, embeddings out: decoding, the encoder and its training. Knows nothing of databases."""
