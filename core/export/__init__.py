"""What others run: layer lists for the browser, ONNX for everyone else."""
