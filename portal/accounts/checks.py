"""System checks about accounts."""
