"""What each model learns from: one module a model."""
