"""One file a revision; a released revision and the SQL files it runs never change."""
