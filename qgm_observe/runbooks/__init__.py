"""What to do at 3 a.m.: a page an alert, and the questions that each page begins with, answered."""
