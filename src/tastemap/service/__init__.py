"""An artifact behind HTTP: lists with reasons, live events, and an explorer of what was learned."""
