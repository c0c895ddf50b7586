"""Engines that fit and serve what one machine does not hold: the same commands, the same artifact."""
