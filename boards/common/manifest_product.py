# Modules frozen into an image of the PRODUCT variant: those of manifest.py, and a mark for drivers/console.py.
# Without line numbers (opt=3), 26 KB of them: only a trace has them, which is printed on the console, and there is none.
include("$(BOARD_DIR)/../../manifest.py", opt=3)
module("product_build.py", base_path="$(BOARD_DIR)/../common", opt=3)
