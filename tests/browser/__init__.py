"""The pages in a real browser: stories of people at several organisations, and a look at every page."""
