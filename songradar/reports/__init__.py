"""What a scan found, as text: for people, programs, players and editors."""
