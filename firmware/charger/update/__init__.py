"""Updates over the air: where they come from, who made them, and whether they prove themselves (SEC-4 to 9)."""
