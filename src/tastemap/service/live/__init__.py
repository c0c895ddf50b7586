"""What is served: a recommender kept ready, and events laid over its histories."""
