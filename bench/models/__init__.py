"""A model's answer behind a key: what passing it on costs, how late its pieces are, how many streams fit."""
