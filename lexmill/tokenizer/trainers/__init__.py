"""The trainers: a file for each algorithm, a function `(TrainingData, spec) -> Learned`."""
