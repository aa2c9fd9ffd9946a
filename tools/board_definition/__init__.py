"""Board definitions (boards/NAME/): which there are, what their chip can do, and what is wrong with one."""
