# Modules frozen into an image of the PRODUCT variant: those of manifest.py, and a mark for drivers/console.py.
include("$(BOARD_DIR)/../../manifest.py")
module("product_build.py", base_path="$(BOARD_DIR)/../common")
