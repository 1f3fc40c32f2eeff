"""The studio's own routes and the door in front of all of them, Gradio's included. Plain ASGI, no gradio."""
