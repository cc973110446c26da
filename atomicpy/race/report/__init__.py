"""A race as a value, as text, as JSON and SARIF."""
