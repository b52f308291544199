"""Containers: images, sandboxes and what runs in them. The only room that speaks to a container engine."""
