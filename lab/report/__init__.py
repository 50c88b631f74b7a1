"""The report: scenarios, what they prove, and how soon pages come, on one page for a browser."""
