"""What accounts at providers are asked, when, and the page that comes of it."""
