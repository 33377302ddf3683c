"""The way out: which addresses may be called, and connections that lead nowhere else."""
