"""What the services need of the world, each promise written down; other folders keep the promises."""
