"""Measurements that take long; each prints a table that README shows. A small size of each is a test."""
