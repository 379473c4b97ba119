"""Requests for fixtures, validated and resolved on creation."""
