"""Ask a running studio for three versions of a song and print where each one is."""

from gradio_client import Client

studio = Client("http://127.0.0.1:7860")
audio, take = studio.predict("slow jazz waltz, solo piano", duration=20, variations=3, seed=1, api_name="/generate")
for id in take["takes"]:
    path, version = studio.predict(id, api_name="/take")
    print(version["seed"], version["plan"]["words"], path)
