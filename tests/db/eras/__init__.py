"""A catalogue of each revision of the schema, as programs of its time left it; `make.py` makes them."""
