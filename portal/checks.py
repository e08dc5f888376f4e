"""System checks of the deployment, each with an id and a hint."""
