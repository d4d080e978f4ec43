"""The article's recipe: pairs of pictures, labelled same song or not."""
