"""Nothing is lost: songradar and its server killed at any moment, gone for a while, and under load for long."""
