"""Doors over plain HTTP, and the gate in front of all of them. Nothing here knows Gradio."""
