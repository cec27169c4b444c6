"""Training of Llama-shaped language models: the model, its data stream, the loop."""
