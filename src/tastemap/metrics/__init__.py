"""Pure functions on arrays, one formula each: errors of ratings, quality of lists, intervals over users."""
